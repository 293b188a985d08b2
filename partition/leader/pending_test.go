package leader

import (
	"context"
	"errors"
	"testing"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

func TestCallersAreAnsweredOnce(t *testing.T) {
	request, id := command.RequestID{1}, protocol.InvocationID{Key: 7}
	ended := command.Reply{Status: command.ReplyCompleted, CompletedAt: 5}
	ownEnded := ended
	ownEnded.Own = true
	accepted := command.Reply{Status: command.ReplyAccepted, Own: true}
	for _, tt := range []struct {
		name    string
		call    bool // wait for the end, not for the reply
		onlyNew bool
		do      func(*pending)
		want    command.ReplyStatus
		existed bool
		err     error
	}{
		{name: "a send is answered by its reply", do: func(p *pending) {
			p.reply(request, accepted)
		}, want: command.ReplyAccepted},
		{name: "a call waits on after it was accepted", call: true, do: func(p *pending) {
			p.reply(request, accepted)
			p.completed(id, ended)
		}, want: command.ReplyCompleted},
		{name: "a request that is repeated after its end has its own result", call: true, onlyNew: true,
			do: func(p *pending) { p.reply(request, ownEnded) }, want: command.ReplyCompleted},
		{name: "a second run is told so, however soon the first one ends", call: true, onlyNew: true,
			do: func(p *pending) {
				p.completed(id, ended)
				p.reply(request, ended)
			}, want: command.ReplyCompleted, existed: true},
		{name: "a repeated call joins the first", call: true, do: func(p *pending) {
			p.reply(request, command.Reply{Status: command.ReplyPreviouslyAccepted})
			p.completed(id, ended)
		}, want: command.ReplyCompleted, existed: true},
		{name: "a repeated call of an ended invocation has its result", call: true, do: func(p *pending) {
			p.reply(request, ended)
		}, want: command.ReplyCompleted, existed: true},
		{name: "a second run of a workflow does not wait", call: true, onlyNew: true, do: func(p *pending) {
			p.reply(request, command.Reply{Status: command.ReplyPreviouslyAccepted})
		}, want: command.ReplyPreviouslyAccepted, existed: true},
		{name: "leadership lost", call: true, do: func(p *pending) {
			p.failAll(ErrLost)
			p.completed(id, ended)
		}, err: ErrNotLeader},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPending()
			wait := protocol.InvocationID{}
			if tt.call {
				wait = id
			}
			c, err := p.add(request, wait)
			if err != nil {
				t.Fatal(err)
			}
			c.onlyNew = tt.onlyNew
			tt.do(p)
			reply, err := p.wait(context.Background(), c)
			if !errors.Is(err, tt.err) || reply.Status != tt.want || c.existed != tt.existed {
				t.Fatalf("got status %d, existed %v, error %v; want %d, %v, %v",
					reply.Status, c.existed, err, tt.want, tt.existed, tt.err)
			}
			if len(p.byRequest) != 0 || len(p.byInvocation) != 0 || p.count != 0 {
				t.Fatalf("callers are left: %d", p.count)
			}
		})
	}
}

func TestCallerThatGoesAwayIsForgotten(t *testing.T) {
	p := newPending()
	c, err := p.add(command.RequestID{1}, protocol.InvocationID{Key: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.wait(ctx, c); !errors.Is(err, context.Canceled) || p.count != 0 {
		t.Fatalf("error %v and %d callers left", err, p.count)
	}
}
