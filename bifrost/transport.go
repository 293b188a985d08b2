package bifrost

import (
	"context"
	"errors"

	"github.com/lni/dragonboat/v4/config"
	"github.com/lni/dragonboat/v4/raftio"
)

// soloTransport is the transport of a node without peers: it opens no port and reaches nobody.
type soloTransport struct{}

var errSolo = errors.New("connect to a peer: this node was configured to be alone")

func (soloTransport) Create(config.NodeHostConfig, raftio.MessageHandler,
	raftio.ChunkHandler) raftio.ITransport {
	return soloTransport{}
}

func (soloTransport) Validate(address string) bool { return address != "" }
func (soloTransport) Name() string                 { return "solo" }
func (soloTransport) Start() error                 { return nil }
func (soloTransport) Close() error                 { return nil }

func (soloTransport) GetConnection(context.Context, string) (raftio.IConnection, error) {
	return nil, errSolo
}

func (soloTransport) GetSnapshotConnection(context.Context, string) (
	raftio.ISnapshotConnection, error) {
	return nil, errSolo
}
