import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;

/**
 * What programs do with the JDBC driver. Each check prints a line, "ok name" or "FAIL name: why"; the
 * arguments are the URL, the user and the password.
 */
public class Check {
  interface Body {
    void run(Connection c) throws Exception;
  }

  static String url, user, password;
  static boolean failed;

  public static void main(String[] args) throws Exception {
    url = args[0];
    user = args[1];
    password = args[2];
    for (String mode : new String[] {"extended", "extendedForPrepared", "extendedCacheEverything", "simple"}) {
      for (String binary : new String[] {"true", "false"}) {
        String name = mode + (binary.equals("true") ? " binary" : " text");
        Properties p = new Properties();
        p.setProperty("preferQueryMode", mode);
        p.setProperty("binaryTransfer", binary);
        p.setProperty("prepareThreshold", "1");
        check(name + ": values", p, Check::values);
        check(name + ": parameters", p, Check::parameters);
        // In a simple query, which these modes send, there is no place for a limit of rows.
        boolean limited = !mode.equals("simple") && !mode.equals("extendedForPrepared");
        check(name + ": fetch size", p, c -> fetchSize(c, limited));
        check(name + ": transactions", p, Check::transactions);
      }
    }
    Properties none = new Properties();
    check("metadata: tables", none, Check::tables);
    check("metadata: columns", none, Check::columns);
    check("metadata: the rest", none, Check::rest);
    check("metadata: keys and indexes", none, Check::keys);
    check("cursors in SQL", none, Check::cursors);
    check("metadata: of results", none, Check::results);
    check("read only", none, Check::readOnly);
    check("errors", none, Check::errors);
    check("cancel", none, Check::cancel);
    check("time limit", none, Check::timeLimit);
    check("batch", none, Check::batch);
    check("valid and reset", none, Check::validity);
    for (String target : new String[] {"any", "secondary", "preferSecondary"}) {
      Properties p = new Properties();
      p.setProperty("targetServerType", target);
      check("target " + target, p, c -> equal(true, c.isValid(10), "valid"));
    }
    System.exit(failed ? 1 : 0);
  }

  static void check(String name, Properties more, Body body) {
    Properties p = new Properties();
    p.putAll(more);
    p.setProperty("user", user);
    p.setProperty("password", password);
    try (Connection c = DriverManager.getConnection(url, p)) {
      body.run(c);
      System.out.println("ok " + name);
    } catch (Throwable e) {
      failed = true;
      System.out.println("FAIL " + name + ": " + e.toString().replace('\n', ' '));
      e.printStackTrace();
    }
  }

  static void equal(Object want, Object got, String what) {
    if (want == null ? got != null : !want.equals(got)) {
      throw new AssertionError(what + " is " + got + ", want " + want);
    }
  }

  static final String VALUES =
      "SELECT 1::bigint AS n, 1.5::double precision AS f, 'text' AS s, true AS b, NULL AS nothing,"
          + " TIMESTAMP '2026-03-01T12:00:00.123Z' AS at, DATE '2026-03-01' AS d, '\\xdead'::text AS x,"
          + " ARRAY['a','b'] AS list, 18446744073709551615 AS big, interval '90 minutes' AS gap";

  static void values(Connection c) throws Exception {
    try (PreparedStatement s = c.prepareStatement(VALUES)) {
      for (int i = 0; i < 3; i++) { // the first times in text, then in binary
        try (ResultSet r = s.executeQuery()) {
          r.next();
          equal(1L, r.getLong("n"), "n");
          equal(1.5, r.getDouble("f"), "f");
          equal("text", r.getString("s"), "s");
          equal(true, r.getBoolean("b"), "b");
          equal(null, r.getString("nothing"), "nothing");
          equal(OffsetDateTime.of(2026, 3, 1, 12, 0, 0, 123_000_000, ZoneOffset.UTC),
              r.getObject("at", OffsetDateTime.class), "at");
          equal(1772366400123L, r.getTimestamp("at").getTime(), "at as a timestamp");
          equal("2026-03-01", r.getDate("d").toString(), "d");
          equal(2, ((Object[]) r.getArray("list").getArray()).length, "the length of list");
          equal(new BigDecimal("18446744073709551615"), r.getBigDecimal("big"), "big");
          equal("0 years 0 mons 0 days 1 hours 30 mins 0.0 secs", r.getObject("gap").toString(), "gap");
          equal(false, r.next(), "a second row");
        }
      }
    }
  }

  static void parameters(Connection c) throws Exception {
    String text = "SELECT count(*) FROM sys_invocation WHERE created_at > ? AND created_at < ? AND status = ?"
        + " AND journal_size >= ? AND target_service_name LIKE ? AND ? = 1.5 AND ? AND length(?) = 2";
    try (PreparedStatement s = c.prepareStatement(text)) {
      for (int i = 0; i < 3; i++) {
        s.setTimestamp(1, new Timestamp(0));
        s.setObject(2, OffsetDateTime.now().plusDays(1));
        s.setString(3, "completed");
        s.setInt(4, 1);
        s.setString(5, "Go%");
        s.setDouble(6, 1.5);
        s.setBoolean(7, true);
        s.setObject(8, "ab", Types.OTHER);
        try (ResultSet r = s.executeQuery()) {
          r.next();
          equal(true, r.getLong(1) >= 2, "there are completed invocations: " + r.getLong(1));
        }
      }
    }
    try (PreparedStatement s = c.prepareStatement("SELECT id FROM sys_invocation WHERE status = ANY (?) LIMIT ?")) {
      Array list = c.createArrayOf("text", new Object[] {"completed", "scheduled"});
      s.setArray(1, list);
      s.setInt(2, 2);
      try (ResultSet r = s.executeQuery()) {
        int n = 0;
        while (r.next()) n++;
        equal(2, n, "rows");
      }
    }
    try (PreparedStatement s = c.prepareStatement("SELECT ?::bigint + 1, ?::text, coalesce(?, 'none')")) {
      s.setLong(1, 41);
      s.setNull(2, Types.VARCHAR);
      s.setNull(3, Types.VARCHAR);
      try (ResultSet r = s.executeQuery()) {
        r.next();
        equal(42L, r.getLong(1), "a sum");
        equal(null, r.getString(2), "NULL");
        equal("none", r.getString(3), "a default");
      }
    }
  }

  static void fetchSize(Connection c, boolean limited) throws Exception {
    c.setAutoCommit(false);
    try (Statement s = c.createStatement()) {
      s.setFetchSize(100);
      long sum = 0;
      int n = 0;
      try (ResultSet r = s.executeQuery("SELECT value FROM generate_series(1, 2500)")) {
        while (r.next()) {
          sum += r.getLong(1);
          n++;
        }
      }
      equal(2500, n, "rows");
      equal(2500L * 2501 / 2, sum, "their sum");
      try (ResultSet r = s.executeQuery("SELECT value FROM generate_series(1, 2500)")) {
        r.next(); // and no more: the rest is not wanted
      }
      s.setMaxRows(7);
      try (ResultSet r = s.executeQuery("SELECT value FROM generate_series(1, 2500)")) {
        n = 0;
        while (r.next()) n++;
      }
      if (limited) equal(7, n, "rows with a limit");
    }
    c.commit();
  }

  static void transactions(Connection c) throws Exception {
    c.setAutoCommit(false);
    c.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
    c.setReadOnly(true);
    try (Statement s = c.createStatement()) {
      s.executeQuery("SELECT 1").close();
      try {
        s.executeQuery("SELECT nothing");
        throw new AssertionError("a column that is none was found");
      } catch (SQLException e) {
        equal("42703", e.getSQLState(), "the state");
      }
      try {
        s.executeQuery("SELECT 1");
        throw new AssertionError("a transaction that has failed goes on");
      } catch (SQLException e) {
        equal("25P02", e.getSQLState(), "the state");
      }
      c.rollback();
      s.executeQuery("SELECT 1").close();
      c.setSavepoint("a");
      c.commit();
    }
    c.setAutoCommit(true);
  }

  static void tables(Connection c) throws Exception {
    DatabaseMetaData m = c.getMetaData();
    List<String> tables = new ArrayList<>();
    try (ResultSet r = m.getTables(c.getCatalog(), "public", "%", new String[] {"TABLE", "VIEW"})) {
      while (r.next()) tables.add(r.getString("TABLE_NAME") + " " + r.getString("TABLE_TYPE"));
    }
    equal(true, tables.contains("sys_invocation VIEW"), "sys_invocation among " + tables);
    equal(true, tables.contains("state TABLE"), "state among " + tables);
    try (ResultSet r = m.getTables(null, null, "sys_inv%", null)) {
      int n = 0;
      while (r.next()) n++;
      equal(3, n, "tables that begin with sys_inv");
    }
    try (ResultSet r = m.getSchemas()) {
      List<String> schemas = new ArrayList<>();
      while (r.next()) schemas.add(r.getString("TABLE_SCHEM"));
      equal("[information_schema, pg_catalog, public]", schemas.toString(), "the schemas");
    }
    try (ResultSet r = m.getCatalogs()) {
      r.next();
      equal("restate", r.getString(1), "the catalog");
    }
  }

  static void columns(Connection c) throws Exception {
    DatabaseMetaData m = c.getMetaData();
    List<String> columns = new ArrayList<>();
    try (ResultSet r = m.getColumns(null, "public", "state", null)) {
      while (r.next()) {
        columns.add(r.getString("COLUMN_NAME") + " " + r.getString("TYPE_NAME") + " " + r.getInt("DATA_TYPE") + " "
            + r.getInt("ORDINAL_POSITION") + " " + r.getString("IS_NULLABLE"));
      }
    }
    equal(9, columns.size(), "the number of columns");
    equal("partition_key numeric 2 1 YES", columns.get(0), "the first");
    equal("service_name text 12 3 YES", columns.get(2), "the third");
    equal("value bytea -2 8 YES", columns.get(7), "the eighth");
    try (ResultSet r = m.getColumns(null, null, "sys_deployment", "services")) {
      r.next();
      equal("_text", r.getString("TYPE_NAME"), "the type of services");
      equal(Types.ARRAY, r.getInt("DATA_TYPE"), "the JDBC type of services");
    }
  }

  static void rest(Connection c) throws Exception {
    DatabaseMetaData m = c.getMetaData();
    equal("PostgreSQL", m.getDatabaseProductName(), "the product");
    equal(15, m.getDatabaseMajorVersion(), "the version");
    for (ResultSet r : new ResultSet[] {
        m.getTableTypes(),
        m.getImportedKeys(null, "public", "state"), m.getExportedKeys(null, "public", "state"),
        m.getFunctions(null, null, "low%"), m.getProcedures(null, null, "%"), m.getTypeInfo(),
        m.getTablePrivileges(null, "public", "state"), m.getColumnPrivileges(null, "public", "state", "%"),
        m.getUDTs(null, null, "%", null), m.getClientInfoProperties(),
        m.getVersionColumns(null, "public", "state"), m.getFunctionColumns(null, null, "lower", "%"),
    }) {
      while (r.next()) continue;
      r.close();
    }
    equal(true, m.getMaxColumnNameLength() > 0, "the length of names");
    equal(true, m.getSQLKeywords() != null, "the keywords");
  }

  /** There are none, and that can be asked. */
  static void keys(Connection c) throws Exception {
    DatabaseMetaData m = c.getMetaData();
    for (String table : new String[] {"state", "sys_invocation", null}) {
      for (ResultSet r : new ResultSet[] {
          m.getPrimaryKeys(null, "public", table), m.getPrimaryKeys("restate", null, table),
          m.getIndexInfo(null, "public", table, false, true), m.getIndexInfo(null, null, table, true, false),
          m.getBestRowIdentifier(null, "public", table, DatabaseMetaData.bestRowSession, true),
          m.getCrossReference(null, "public", table, null, "public", "state"),
      }) {
        equal(false, r.next(), "a key or an index of " + table);
        r.close();
      }
    }
    try (ResultSet r = m.getPrimaryKeys(null, "public", "state")) {
      equal("COLUMN_NAME", r.getMetaData().getColumnName(4), "what a key would be described by");
    }
  }

  static void cursors(Connection c) throws Exception {
    c.setAutoCommit(false);
    for (int round = 0; round < 7; round++) { // the later ones with prepared statements
      try (PreparedStatement s =
          c.prepareStatement("DECLARE many CURSOR FOR SELECT value FROM generate_series(1, ?)")) {
        s.setLong(1, 250);
        s.execute();
      }
      long sum = 0;
      int parts = 0;
      try (PreparedStatement s = c.prepareStatement("FETCH FORWARD 100 FROM many")) {
        for (boolean more = true; more; parts++) {
          try (ResultSet r = s.executeQuery()) {
            more = false;
            while (r.next()) {
              sum += r.getLong("value");
              more = true;
            }
          }
        }
      }
      equal(250L * 251 / 2, sum, "the sum");
      equal(4, parts, "the number of parts");
      c.commit();
    }
    c.setAutoCommit(true);
  }

  static void results(Connection c) throws Exception {
    try (PreparedStatement s = c.prepareStatement("SELECT id, created_at, journal_size, retry_count FROM sys_invocation"
        + " WHERE id = ?")) {
      equal(1, s.getParameterMetaData().getParameterCount(), "the number of parameters");
      equal("text", s.getParameterMetaData().getParameterTypeName(1), "the parameter's type");
      ResultSetMetaData m = s.getMetaData();
      equal(4, m.getColumnCount(), "the number of columns");
      equal("id", m.getColumnName(1), "a name");
      equal(Types.VARCHAR, m.getColumnType(1), "a type");
      equal("timestamptz", m.getColumnTypeName(2), "a type's name");
      equal("int8", m.getColumnTypeName(3), "a type's name");
      equal(Types.NUMERIC, m.getColumnType(4), "a type");
      equal("java.sql.Timestamp", m.getColumnClassName(2), "a class");
    }
  }

  static void readOnly(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      for (String text : new String[] {
          "INSERT INTO state VALUES (1)", "UPDATE state SET key = 'x'", "DELETE FROM state", "CREATE TABLE x (y int)",
          "DROP TABLE state", "TRUNCATE state",
      }) {
        try {
          s.executeUpdate(text);
          throw new AssertionError(text + " was done");
        } catch (SQLException e) {
          equal("25006", e.getSQLState(), "the state of " + text);
        }
      }
    }
  }

  static void errors(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      s.executeQuery("SELECT statu FROM sys_invocation");
      throw new AssertionError("a column that is none was found");
    } catch (org.postgresql.util.PSQLException e) {
      equal("42703", e.getSQLState(), "the state");
      equal(8, e.getServerErrorMessage().getPosition(), "the position");
      equal("did you mean sys_invocation.status?", e.getServerErrorMessage().getHint(), "the hint");
    }
  }

  static final String ENDLESS = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b";

  static void cancel(Connection c) throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    try (Statement s = c.createStatement()) {
      Thread t = new Thread(() -> {
        try {
          begun.await();
          while (true) { // until one comes while the query runs
            s.cancel();
            Thread.sleep(50);
          }
        } catch (Exception e) {
          return;
        }
      });
      t.setDaemon(true);
      t.start();
      begun.countDown();
      try {
        s.executeQuery(ENDLESS);
        throw new AssertionError("it was not cancelled");
      } catch (SQLException e) {
        equal("57014", e.getSQLState(), "the state");
      } finally {
        t.interrupt();
        t.join();
      }
    }
  }

  static void timeLimit(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      s.setQueryTimeout(1);
      s.executeQuery(ENDLESS);
      throw new AssertionError("it was not ended");
    } catch (SQLException e) {
      equal("57014", e.getSQLState(), "the state");
    }
  }

  static void batch(Connection c) throws Exception {
    try (Statement s = c.createStatement()) {
      boolean rows = s.execute("SELECT 1; SELECT 2; SET application_name = 'x'; SELECT 3");
      int results = 0;
      while (rows || s.getUpdateCount() >= 0) {
        results++;
        rows = s.getMoreResults();
      }
      equal(4, results, "the number of results");
    }
  }

  static void validity(Connection c) throws Exception {
    equal(true, c.isValid(10), "the connection");
    c.setClientInfo("ApplicationName", "check");
    equal("check", c.getClientInfo("ApplicationName"), "the name");
    equal("public", c.getSchema(), "the schema");
    c.setSchema("public");
    try (Statement s = c.createStatement()) {
      s.execute("DISCARD ALL");
      s.execute("SELECT 1");
    }
  }
}
