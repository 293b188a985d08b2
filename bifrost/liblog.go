package bifrost

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/lni/dragonboat/v4/logger"
)

// The library takes one logger factory per process, once. It is given one that writes to the logger
// of the most recently opened host.
var (
	libraryLogger  atomic.Pointer[slog.Logger]
	setLibraryOnce sync.Once
)

func routeLibraryLog(l *slog.Logger) {
	libraryLogger.Store(l)
	setLibraryOnce.Do(func() {
		logger.SetLoggerFactory(func(source string) logger.ILogger { return libraryLog{source} })
	})
}

// libraryLog lowers the levels: what the library reports as information or warning is of use only
// to somebody who debugs it.
type libraryLog struct{ source string }

func (libraryLog) SetLevel(logger.LogLevel) {}

func (libraryLog) Debugf(string, ...any) {}

func (l libraryLog) Infof(format string, args ...any) { l.log(slog.LevelDebug, format, args) }

func (l libraryLog) Warningf(format string, args ...any) { l.log(slog.LevelDebug, format, args) }

func (l libraryLog) Errorf(format string, args ...any) { l.log(slog.LevelError, format, args) }

func (l libraryLog) Panicf(format string, args ...any) {
	l.log(slog.LevelError, format, args)
	panic(fmt.Sprintf(format, args...))
}

func (l libraryLog) log(level slog.Level, format string, args []any) {
	out := libraryLogger.Load()
	if ctx := context.Background(); out.Enabled(ctx, level) {
		out.Log(ctx, level, fmt.Sprintf(format, args...), "source", l.source)
	}
}
