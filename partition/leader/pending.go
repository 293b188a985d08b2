package leader

import (
	"context"
	"errors"
	"sync"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// maxPending bounds the callers that wait on one partition; beyond it they are pushed back.
const maxPending = 1 << 16

// ErrTooManyCallers pushes a caller back: too many wait on the partition already.
var ErrTooManyCallers = errors.New("too many callers wait on this partition; retry later")

// caller is one request that waits: for its reply, for an invocation's end, or for both.
type caller struct {
	request    command.RequestID
	invocation protocol.InvocationID // zero unless it waits for the end
	onlyNew    bool                  // do not wait for an invocation that existed before
	waits      bool                  // guarded by pending.mu: it was told that the invocation runs
	existed    bool                  // guarded by pending.mu until done is closed
	accepted   func(existed bool)    // nil, or called once the invocation is durable
	done       chan struct{}         // closed once reply or err is set
	reply      command.Reply
	err        error
}

// pending are the callers that wait on this leader. It lives in memory only: callers that lose
// their leader ask again.
type pending struct {
	mu           sync.Mutex
	byRequest    map[command.RequestID]*caller                  // guarded by mu
	byInvocation map[protocol.InvocationID]map[*caller]struct{} // guarded by mu
	count        int                                            // guarded by mu
}

func newPending() *pending {
	return &pending{
		byRequest:    make(map[command.RequestID]*caller),
		byInvocation: make(map[protocol.InvocationID]map[*caller]struct{}),
	}
}

// add registers a caller; request or invocation may be zero, not both.
func (p *pending) add(request command.RequestID, invocation protocol.InvocationID) (*caller, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.count >= maxPending {
		return nil, ErrTooManyCallers
	}
	p.count++
	c := &caller{request: request, invocation: invocation, done: make(chan struct{})}
	if !request.IsZero() {
		p.byRequest[request] = c
	}
	if !invocation.IsZero() {
		set := p.byInvocation[invocation]
		if set == nil {
			set = make(map[*caller]struct{}, 1)
			p.byInvocation[invocation] = set
		}
		set[c] = struct{}{}
	}
	return c, nil
}

// finish ends a caller; it does nothing if it had ended. Called with mu held.
func (p *pending) finish(c *caller, reply command.Reply, err error) {
	select {
	case <-c.done:
		return
	default:
	}
	p.count--
	if !c.request.IsZero() {
		delete(p.byRequest, c.request)
	}
	if set := p.byInvocation[c.invocation]; set != nil {
		delete(set, c)
		if len(set) == 0 {
			delete(p.byInvocation, c.invocation)
		}
	}
	c.reply, c.err = reply, err
	close(c.done)
}

// reply takes the machine's answer to a request. A caller that waits for the invocation's end goes
// on waiting if the answer says that it runs.
func (p *pending) reply(request command.RequestID, r command.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.byRequest[request]
	if c == nil {
		return
	}
	c.existed = !r.Own
	goesOn := r.Status == command.ReplyAccepted ||
		r.Status == command.ReplyPreviouslyAccepted && !c.onlyNew
	if goesOn && !c.invocation.IsZero() {
		c.waits = true
		if c.accepted != nil {
			c.accepted(c.existed)
			c.accepted = nil
		}
		return
	}
	p.finish(c, r, nil)
}

// completed ends everybody who waits for the invocation. It is too early for those whose request has
// not been applied: what they are told depends on it.
func (p *pending) completed(id protocol.InvocationID, r command.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.byInvocation[id] {
		if c.waits || c.request.IsZero() {
			p.finish(c, r, nil)
		}
	}
}

func (p *pending) failOne(c *caller, err error) { p.answerOne(c, command.Reply{}, err) }

func (p *pending) answerOne(c *caller, reply command.Reply, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.finish(c, reply, err)
}

func (p *pending) failAll(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.byRequest {
		p.finish(c, command.Reply{}, err)
	}
	for _, set := range p.byInvocation {
		for c := range set {
			p.finish(c, command.Reply{}, err)
		}
	}
}

// wait blocks until the caller is answered or ctx ends.
func (p *pending) wait(ctx context.Context, c *caller) (command.Reply, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		p.failOne(c, ctx.Err())
		<-c.done
	}
	return c.reply, c.err
}
