package partition

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/leader"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// ErrUnavailable says that a partition could not be reached in time. A request that ends with it
// may have taken effect: repeat it with the same identity.
var ErrUnavailable = errors.New("the partition is unavailable")

const (
	leaderPatience   = 10 * time.Second // a request waits this long for a leader
	firstLeaderRetry = 2 * time.Millisecond
	lastLeaderRetry  = 100 * time.Millisecond
)

// Leaders finds who leads a partition.
type Leaders interface {
	// Reach finds the leader of p; the error is leader.ErrNotLeader as long as none is known.
	Reach(p protocol.PartitionID) (Leading, error)
	// LeadersChanged returns a channel that is closed when it is worth looking again.
	LeadersChanged() <-chan struct{}
	// PartitionOf says which partition owns a key.
	PartitionOf(protocol.PartitionKey) protocol.PartitionID
}

// Client carries requests to the leaders of partitions and holds them while there is none. All
// requests are idempotent by an identity they carry, so that repeating one is safe.
type Client struct{ leaders Leaders }

// NewClient makes a client.
func NewClient(leaders Leaders) *Client { return &Client{leaders: leaders} }

// onLeader calls f with the key's leader, and again as long as leadership is lost under it. An earlier
// call may then have taken effect: requests are recognised by the ID that they carry.
func (c *Client) onLeader(ctx context.Context, key protocol.PartitionKey,
	f func(l Leading) error,
) error {
	p := c.leaders.PartitionOf(key)
	wait, patience := firstLeaderRetry, time.Now().Add(leaderPatience)
	for {
		changed := c.leaders.LeadersChanged()
		l, err := c.leaders.Reach(p)
		if err == nil {
			led := time.Now()
			err = f(l)
			if time.Since(led) > time.Second { // it was led for a while: patience starts anew
				wait, patience = firstLeaderRetry, time.Now().Add(leaderPatience)
			}
		}
		switch {
		case err == nil:
			return nil
		case !passes(err):
			return err
		case time.Now().After(patience):
			return fmt.Errorf("%w: partition %d for %v: %w", ErrUnavailable, p, leaderPatience, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			wait = firstLeaderRetry // for a new leader to be ready
		case <-time.After(wait):
			wait = min(2*wait, lastLeaderRetry)
		}
	}
}

// passes tells whether a request that ended with err is worth repeating: the leader was lost or has
// moved, a replica was closed since it moved, or there was too much to do.
func passes(err error) bool {
	if errors.Is(err, bifrost.ErrDiskFull) {
		return false // it needs somebody to act: the caller should hear of it at once
	}
	return errors.Is(err, leader.ErrNotLeader) || errors.Is(err, bifrost.ErrNotLeader) ||
		errors.Is(err, bifrost.ErrClosed) || errors.Is(err, bifrost.ErrBusy)
}

// Invoke starts an invocation and returns once that is durable.
func (c *Client) Invoke(ctx context.Context, trace protocol.TraceContext, inv *command.Invoke) (
	reply command.Reply, err error,
) {
	err = c.onLeader(ctx, inv.ID.Key, func(l Leading) (err error) {
		reply, err = l.Request(ctx, inv.ID.Key, inv, inv.Request, trace)
		if err == nil && reply.Own {
			reply.Status = command.ReplyAccepted // perhaps by an earlier try, and it has ended since
		}
		return err
	})
	return reply, err
}

// Call starts an invocation and waits for its end. existed says that it had been started before;
// with onlyNew the reply is then ReplyPreviouslyAccepted at once. When the invocation is durable, its
// parameter is let go of and accepted is called, unless it is nil; it must not block.
func (c *Client) Call(ctx context.Context, trace protocol.TraceContext, inv *command.Invoke,
	onlyNew bool, accepted func(),
) (reply command.Reply, existed bool, err error) {
	var durable bool // set before the leader answers, read after it
	err = c.onLeader(ctx, inv.ID.Key, func(l Leading) (err error) {
		if durable { // its parameter is gone, so it cannot be started again
			reply, err = l.Attach(ctx, inv.ID, inv.Request)
			return err
		}
		var before bool
		reply, before, err = l.Call(ctx, inv, trace, onlyNew, func(before bool) {
			durable, existed = true, before
			inv.Parameter = protocol.Payload{}
			if accepted != nil {
				accepted()
			}
		})
		if !durable {
			existed = before
		}
		return err
	})
	if err == nil && durable && reply.Status == command.ReplyNotFound {
		err = fmt.Errorf("%w: %s has run, but its result was not kept while its partition had no "+
			"leader; have results kept by giving the handler a retention", ErrUnavailable, inv.ID)
	}
	return reply, existed, err
}

// Attach waits for the end of an invocation: ReplyCompleted or ReplyNotFound.
func (c *Client) Attach(ctx context.Context, id protocol.InvocationID) (
	reply command.Reply, err error,
) {
	err = c.onLeader(ctx, id.Key, func(l Leading) (err error) {
		reply, err = l.Attach(ctx, id, command.RequestID{})
		return err
	})
	return reply, err
}

// Output reads a result: ReplyCompleted, ReplyNotCompleted or ReplyNotFound.
func (c *Client) Output(ctx context.Context, id protocol.InvocationID) (
	reply command.Reply, err error,
) {
	err = c.onLeader(ctx, id.Key, func(l Leading) (err error) {
		reply, err = l.Output(ctx, id)
		return err
	})
	return reply, err
}

// Pinned says what an invocation calls, and on which deployment and in which protocol version it has
// to run; these two are zero until its first attempt has chosen them. ok is false if there is no
// such invocation.
func (c *Client) Pinned(ctx context.Context, id protocol.InvocationID) (
	t protocol.Target, d protocol.DeploymentID, version uint32, ok bool, err error,
) {
	err = c.onLeader(ctx, id.Key, func(l Leading) error {
		p, found, err := l.Pinned(ctx, id)
		t, d, version, ok = p.Target, p.Deployment, p.Version, found
		return err
	})
	return t, d, version, ok, err
}

// Submit applies a command of an operator or an outside event and returns the machine's reply. It
// sets the command's request ID.
func (c *Client) Submit(ctx context.Context, cmd command.Command) (
	reply command.Reply, err error,
) {
	var request command.RequestID
	_, _ = rand.Read(request[:]) // never fails
	key, err := address(cmd, request)
	if err != nil {
		return reply, err
	}
	err = c.onLeader(ctx, key, func(l Leading) (err error) {
		reply, err = l.Request(ctx, key, cmd, request, protocol.TraceContext{})
		return err
	})
	return reply, err
}

// address sets a command's request ID and says which key it belongs to.
func address(cmd command.Command, request command.RequestID) (protocol.PartitionKey, error) {
	var id protocol.InvocationID
	var asked *command.RequestID
	switch c := cmd.(type) {
	case *command.Signal:
		id, asked = c.ID, &c.Request
	case *command.Complete:
		id, asked = c.ID, &c.Request
	case *command.Terminate:
		id, asked = c.ID, &c.Request
	case *command.Purge:
		id, asked = c.ID, &c.Request
	case *command.PurgeJournal:
		id, asked = c.ID, &c.Request
	case *command.Pause:
		id, asked = c.ID, &c.Request
	case *command.Resume:
		id, asked = c.ID, &c.Request
	case *command.Restart:
		id, asked = c.ID, &c.Request
	case *command.PatchState:
		target := protocol.Target{Kind: protocol.KindObject, Key: c.Key, Scope: c.Scope}
		id.Key, _ = target.PartitionKey()
		asked = &c.Request
	default:
		return 0, fmt.Errorf("submit command of kind %d: it is not a request", cmd.Kind())
	}
	*asked = request
	return id.Key, nil
}
