package main

import (
	"errors"
	"slices"

	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

var errNetwork = errors.New("the network lost it")

// packet is something on its way between partitions: messages, or the word that they arrived.
type packet struct {
	from     protocol.PartitionID
	to       protocol.PartitionID
	messages []command.Message
	done     func(error)
	arrived  bool // it is an answer
	err      error
}

// send puts messages on their way.
func (w *World) send(from *node, to protocol.PartitionID, messages []command.Message,
	done func(error),
) {
	if w.opts.Plant == PlantLostMessage && len(messages) > 1 {
		messages = messages[1:]
	}
	w.packets = append(w.packets, &packet{
		from: from.p.id, to: to, messages: messages, done: done,
	})
}

// network moves one packet.
func (w *World) network() bool {
	if len(w.packets) == 0 {
		return false
	}
	i := w.rng.IntN(len(w.packets))
	p := w.packets[i]
	switch {
	case w.calm || w.chance(0.85):
	case w.chance(0.4): // repeated; the answer to the copy goes nowhere
		again := *p
		again.done = func(error) {}
		w.packets = append(w.packets, &again)
		w.trace("network repeats %s", p)
		return true
	default:
		w.packets = append(w.packets[:i], w.packets[i+1:]...)
		w.trace("network loses %s", p)
		w.answer(p, errNetwork)
		return true
	}
	w.packets = append(w.packets[:i], w.packets[i+1:]...)
	if p.arrived {
		w.trace("network answers %s: %v", p, p.err)
		p.done(p.err)
		return true
	}
	w.deliver(p)
	return true
}

func (w *World) answer(p *packet, err error) {
	if p.arrived {
		p.done(errNetwork) // the sender stops waiting for the answer
		return
	}
	w.packets = append(w.packets, &packet{
		from: p.from, to: p.to, messages: p.messages, done: p.done, arrived: true, err: err,
	})
}

// deliver gives messages to whoever believes to lead their partition.
func (w *World) deliver(p *packet) {
	n := pick(w, w.partitions[p.to].nodes, (*node).leading)
	if n == nil {
		w.answer(p, errNetwork)
		return
	}
	w.trace("network delivers %s to %s", p, n)
	err := n.leader.Receive(p.from, p.messages, func(err error) {
		n.received = slices.DeleteFunc(n.received, func(x *packet) bool { return x == p })
		w.answer(p, err)
	})
	if err != nil {
		w.answer(p, err)
		return
	}
	n.received = append(n.received, p)
}

// String prints where it goes and what it holds.
func (p *packet) String() string {
	return short("%d->%d %d..%d", p.from, p.to, p.messages[0].Sequence,
		p.messages[len(p.messages)-1].Sequence)
}
