package pgcatalog

import (
	"strings"

	"github.com/perdure/perdure/admin/query/table"
)

// definitions are the tables of pg_catalog, as far as clients read them: a name, then the columns, each
// with the letter of its type. Those that no rows are made for are empty.
const definitions = `
pg_namespace oid:i nspname:s nspowner:i nspacl:S
pg_class oid:i relname:s relnamespace:i reltype:i reloftype:i relowner:i relam:i relfilenode:i reltablespace:i relpages:i reltuples:f relallvisible:i reltoastrelid:i relhasindex:b relisshared:b relpersistence:s relkind:s relnatts:i relchecks:i relhasrules:b relhastriggers:b relhassubclass:b relrowsecurity:b relforcerowsecurity:b relispopulated:b relreplident:s relispartition:b relrewrite:i relfrozenxid:i relminmxid:i relacl:S reloptions:S relpartbound:s
pg_attribute attrelid:i attname:s atttypid:i attstattarget:i attlen:i attnum:i attndims:i attcacheoff:i atttypmod:i attbyval:b attalign:s attstorage:s attcompression:s attnotnull:b atthasdef:b atthasmissing:b attidentity:s attgenerated:s attisdropped:b attislocal:b attinhcount:i attcollation:i attacl:S attoptions:S attfdwoptions:S
pg_type oid:i typname:s typnamespace:i typowner:i typlen:i typbyval:b typtype:s typcategory:s typispreferred:b typisdefined:b typdelim:s typrelid:i typsubscript:i typelem:i typarray:i typinput:i typoutput:i typreceive:i typsend:i typmodin:i typmodout:i typanalyze:i typalign:s typstorage:s typnotnull:b typbasetype:i typtypmod:i typndims:i typcollation:i typdefault:s typacl:S
pg_database oid:i datname:s datdba:i encoding:i datlocprovider:s datistemplate:b datallowconn:b datconnlimit:i datfrozenxid:i datminmxid:i dattablespace:i datcollate:s datctype:s daticulocale:s datcollversion:s datacl:S
pg_roles oid:i rolname:s rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b rolreplication:b rolconnlimit:i rolpassword:s rolvaliduntil:t rolbypassrls:b rolconfig:S
pg_authid oid:i rolname:s rolsuper:b rolinherit:b rolcreaterole:b rolcreatedb:b rolcanlogin:b rolreplication:b rolbypassrls:b rolconnlimit:i rolpassword:s rolvaliduntil:t
pg_user usename:s usesysid:i usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:s valuntil:t useconfig:S
pg_shadow usename:s usesysid:i usecreatedb:b usesuper:b userepl:b usebypassrls:b passwd:s valuntil:t useconfig:S
pg_group groname:s grosysid:i grolist:I
pg_auth_members roleid:i member:i grantor:i admin_option:b
pg_db_role_setting setdatabase:i setrole:i setconfig:S
pg_proc oid:i proname:s pronamespace:i proowner:i prolang:i procost:f prorows:f provariadic:i prosupport:i prokind:s prosecdef:b proleakproof:b proisstrict:b proretset:b provolatile:s proparallel:s pronargs:i pronargdefaults:i prorettype:i proargtypes:s proallargtypes:I proargmodes:S proargnames:S proargdefaults:s protrftypes:I prosrc:s probin:s prosqlbody:s proconfig:S proacl:S
pg_aggregate aggfnoid:i aggkind:s aggnumdirectargs:i
pg_language oid:i lanname:s lanowner:i lanispl:b lanpltrusted:b lanplcallfoid:i laninline:i lanvalidator:i lanacl:S
pg_am oid:i amname:s amhandler:i amtype:s
pg_tablespace oid:i spcname:s spcowner:i spcacl:S spcoptions:S
pg_collation oid:i collname:s collnamespace:i collowner:i collprovider:s collisdeterministic:b collencoding:i collcollate:s collctype:s colliculocale:s collversion:s
pg_tables schemaname:s tablename:s tableowner:s tablespace:s hasindexes:b hasrules:b hastriggers:b rowsecurity:b
pg_views schemaname:s viewname:s viewowner:s definition:s
pg_stat_user_tables relid:i schemaname:s relname:s seq_scan:i n_live_tup:i n_dead_tup:i last_vacuum:t last_analyze:t
pg_description objoid:i classoid:i objsubid:i description:s
pg_shdescription objoid:i classoid:i description:s
pg_attrdef oid:i adrelid:i adnum:i adbin:s
pg_index indexrelid:i indrelid:i indnatts:i indnkeyatts:i indisunique:b indnullsnotdistinct:b indisprimary:b indisexclusion:b indimmediate:b indisclustered:b indisvalid:b indcheckxmin:b indisready:b indislive:b indisreplident:b indkey:I indcollation:I indclass:I indoption:I indexprs:s indpred:s
pg_indexes schemaname:s tablename:s indexname:s tablespace:s indexdef:s
pg_constraint oid:i conname:s connamespace:i contype:s condeferrable:b condeferred:b convalidated:b conrelid:i contypid:i conindid:i conparentid:i confrelid:i confupdtype:s confdeltype:s confmatchtype:s conislocal:b coninhcount:i connoinherit:b conkey:I confkey:I conpfeqop:I conppeqop:I conffeqop:I confdelsetcols:I conexclop:I conbin:s
pg_inherits inhrelid:i inhparent:i inhseqno:i inhdetachpending:b
pg_rewrite oid:i rulename:s ev_class:i ev_type:s ev_enabled:s is_instead:b ev_qual:s ev_action:s
pg_rules schemaname:s tablename:s rulename:s definition:s
pg_trigger oid:i tgrelid:i tgparentid:i tgname:s tgfoid:i tgtype:i tgenabled:s tgisinternal:b tgconstrrelid:i tgconstrindid:i tgconstraint:i tgdeferrable:b tginitdeferred:b tgnargs:i tgattr:I tgargs:y tgqual:s tgoldtable:s tgnewtable:s
pg_policy oid:i polname:s polrelid:i polcmd:s polpermissive:b polroles:I polqual:s polwithcheck:s
pg_policies schemaname:s tablename:s policyname:s permissive:s roles:S cmd:s qual:s with_check:s
pg_statistic_ext oid:i stxrelid:i stxname:s stxnamespace:i stxowner:i stxstattarget:i stxkeys:I stxkind:S stxexprs:s
pg_publication oid:i pubname:s pubowner:i puballtables:b pubinsert:b pubupdate:b pubdelete:b pubtruncate:b pubviaroot:b
pg_publication_rel oid:i prpubid:i prrelid:i prqual:s prattrs:I
pg_publication_namespace oid:i pnpubid:i pnnspid:i
pg_publication_tables pubname:s schemaname:s tablename:s attnames:S rowfilter:s
pg_subscription oid:i subdbid:i subname:s subowner:i subenabled:b subbinary:b substream:b subtwophasestate:s subdisableonerr:b subskiplsn:s subconninfo:s subslotname:s subsynccommit:s subpublications:S
pg_partitioned_table partrelid:i partstrat:s partnatts:i partdefid:i partattrs:I
pg_enum oid:i enumtypid:i enumsortorder:f enumlabel:s
pg_range rngtypid:i rngsubtype:i rngmultitypid:i rngcollation:i rngsubopc:i rngcanonical:i rngsubdiff:i
pg_depend classid:i objid:i objsubid:i refclassid:i refobjid:i refobjsubid:i deptype:s
pg_shdepend dbid:i classid:i objid:i objsubid:i refclassid:i refobjid:i deptype:s
pg_extension oid:i extname:s extowner:i extnamespace:i extrelocatable:b extversion:s extconfig:I extcondition:S
pg_available_extensions name:s default_version:s installed_version:s comment:s
pg_foreign_table ftrelid:i ftserver:i ftoptions:S
pg_foreign_server oid:i srvname:s srvowner:i srvfdw:i srvtype:s srvversion:s srvacl:S srvoptions:S
pg_foreign_data_wrapper oid:i fdwname:s fdwowner:i fdwhandler:i fdwvalidator:i fdwacl:S fdwoptions:S
pg_user_mapping oid:i umuser:i umserver:i umoptions:S
pg_matviews schemaname:s matviewname:s matviewowner:s tablespace:s hasindexes:b ispopulated:b definition:s
pg_sequence seqrelid:i seqtypid:i seqstart:i seqincrement:i seqmax:i seqmin:i seqcache:i seqcycle:b
pg_sequences schemaname:s sequencename:s sequenceowner:s data_type:s start_value:i min_value:i max_value:i increment_by:i cycle:b cache_size:i last_value:i
pg_operator oid:i oprname:s oprnamespace:i oprowner:i oprkind:s oprcanmerge:b oprcanhash:b oprleft:i oprright:i oprresult:i oprcom:i oprnegate:i oprcode:i
pg_opclass oid:i opcmethod:i opcname:s opcnamespace:i opcowner:i opcfamily:i opcintype:i opcdefault:b opckeytype:i
pg_opfamily oid:i opfmethod:i opfname:s opfnamespace:i opfowner:i
pg_cast oid:i castsource:i casttarget:i castfunc:i castcontext:s castmethod:s
pg_conversion oid:i conname:s connamespace:i conowner:i conforencoding:i contoencoding:i conproc:i condefault:b
pg_event_trigger oid:i evtname:s evtevent:s evtowner:i evtfoid:i evtenabled:s evttags:S
pg_default_acl oid:i defaclrole:i defaclnamespace:i defaclobjtype:s defaclacl:S
pg_seclabel objoid:i classoid:i objsubid:i provider:s label:s
pg_largeobject_metadata oid:i lomowner:i lomacl:S
pg_ts_config oid:i cfgname:s cfgnamespace:i cfgowner:i cfgparser:i
pg_ts_dict oid:i dictname:s dictnamespace:i dictowner:i dicttemplate:i dictinitoption:s
pg_ts_parser oid:i prsname:s prsnamespace:i prsstart:i prstoken:i prsend:i prsheadline:i prslextype:i
pg_ts_template oid:i tmplname:s tmplnamespace:i tmplinit:i tmpllexize:i
pg_user_mappings umid:i srvid:i srvname:s umuser:i usename:s umoptions:S
pg_amop oid:i amopfamily:i amoplefttype:i amoprighttype:i amopstrategy:i amoppurpose:s amopopr:i amopmethod:i amopsortfamily:i
pg_amproc oid:i amprocfamily:i amproclefttype:i amprocrighttype:i amprocnum:i amproc:i
pg_stat_activity datid:i datname:s pid:i usesysid:i usename:s application_name:s client_addr:s client_port:i backend_start:t xact_start:t query_start:t state_change:t wait_event_type:s wait_event:s state:s backend_xid:i backend_xmin:i query:s backend_type:s
pg_get_keywords word:s catcode:s barelabel:b catdesc:s baredesc:s
pg_locks locktype:s database:i relation:i pid:i mode:s granted:b
pg_prepared_xacts transaction:i gid:s prepared:t owner:s database:s
pg_timezone_names name:s abbrev:s utc_offset:d is_dst:b
`

// infoDefinitions are the tables of information_schema that differ from those of the engine: names of
// types are PostgreSQL's.
const infoDefinitions = `
tables table_catalog:s table_schema:s table_name:s table_type:s self_referencing_column_name:s reference_generation:s user_defined_type_catalog:s user_defined_type_schema:s user_defined_type_name:s is_insertable_into:s is_typed:s commit_action:s
columns table_catalog:s table_schema:s table_name:s column_name:s ordinal_position:i column_default:s is_nullable:s data_type:s character_maximum_length:i character_octet_length:i numeric_precision:i numeric_precision_radix:i numeric_scale:i datetime_precision:i interval_type:s udt_catalog:s udt_schema:s udt_name:s is_identity:s is_generated:s generation_expression:s is_updatable:s
schemata catalog_name:s schema_name:s schema_owner:s default_character_set_catalog:s default_character_set_schema:s default_character_set_name:s sql_path:s
views table_catalog:s table_schema:s table_name:s view_definition:s check_option:s is_updatable:s is_insertable_into:s
table_constraints constraint_catalog:s constraint_schema:s constraint_name:s table_catalog:s table_schema:s table_name:s constraint_type:s is_deferrable:s initially_deferred:s
key_column_usage constraint_catalog:s constraint_schema:s constraint_name:s table_catalog:s table_schema:s table_name:s column_name:s ordinal_position:i position_in_unique_constraint:i
constraint_column_usage table_catalog:s table_schema:s table_name:s column_name:s constraint_catalog:s constraint_schema:s constraint_name:s
referential_constraints constraint_catalog:s constraint_schema:s constraint_name:s unique_constraint_catalog:s unique_constraint_schema:s unique_constraint_name:s match_option:s update_rule:s delete_rule:s
triggers trigger_catalog:s trigger_schema:s trigger_name:s event_manipulation:s event_object_schema:s event_object_table:s action_statement:s action_timing:s
sequences sequence_catalog:s sequence_schema:s sequence_name:s data_type:s
table_privileges grantor:s grantee:s table_catalog:s table_schema:s table_name:s privilege_type:s is_grantable:s with_hierarchy:s
`

var letters = map[string]table.Type{
	"i": table.Int64, "s": table.String, "b": table.Bool, "f": table.Float64, "t": table.Timestamp,
	"d": table.Interval, "y": table.Binary, "S": table.ListString, "I": table.List | table.Int64,
}

// tableOID is a column that all tables of pg_catalog have, and that nobody sees who does not name it.
const tableOID = "tableoid"

// defined makes tables of definitions.
func defined(text string) (tables []*table.Table) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		words := strings.Fields(line)
		t := &table.Table{Name: words[0]}
		for _, w := range words[1:] {
			name, letter, _ := strings.Cut(w, ":")
			t.Columns = append(t.Columns, table.Column{Name: name, Type: letters[letter]})
		}
		tables = append(tables, t)
	}
	return tables
}
