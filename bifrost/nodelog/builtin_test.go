package nodelog

import (
	"testing"
	_ "unsafe" // for linkname

	_ "github.com/lni/dragonboat/v4" // holds what is linked to
	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/logger"
	"github.com/lni/dragonboat/v4/raftio"
	"github.com/lni/vfs"
)

// newBuiltIn makes the library's own log store, which it offers only inside a running node. It is the
// judge of what an ILogDB has to do.
//
//go:linkname newBuiltIn github.com/lni/dragonboat/v4/internal/logdb.NewDefaultLogDB
func newBuiltIn(config.NodeHostConfig, config.LogDBCallback, []string, []string) (raftio.ILogDB, error)

// openBuiltIn opens it in a directory of a file system.
func openBuiltIn(t testing.TB, fs vfs.FS, dir string) raftio.ILogDB {
	t.Helper()
	logger.GetLogger("logdb").SetLevel(logger.ERROR)
	cfg := config.NodeHostConfig{NodeHostDir: dir, RaftAddress: "node-1", RTTMillisecond: 10}
	cfg.Expert.LogDB = config.GetTinyMemLogDBConfig()
	cfg.Expert.LogDB.Shards = 1
	cfg.Expert.Engine = config.GetDefaultEngineConfig()
	cfg.Expert.FS = fs
	must(t, cfg.Prepare())
	l, err := newBuiltIn(cfg, nil, []string{dir}, nil)
	must(t, err)
	return l
}
