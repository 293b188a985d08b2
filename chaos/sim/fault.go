package main

import (
	"bytes"
	"context"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/protocol"
)

// fault breaks something.
func (w *World) fault() bool {
	n := pick(w, w.nodes, (*node).up)
	if n == nil {
		return false
	}
	switch k := w.rng.IntN(100); {
	case k < 20:
		percent := w.rng.IntN(3) * 50
		w.trace("%s crashes, %d%% of what was not synced stays", n, percent)
		n.crash(percent, w.rng.Uint64())
	case k < 24:
		w.wipe(n)
	case k < 44:
		w.elect(n.p, n, w.chance(0.9))
	case k < 54:
		lead := w.chance(0.5)
		w.trace("%s is told to lead: %v", n, lead)
		n.leader.SetLeader(lead)
	case k < 64:
		w.trace("%s loses acknowledgements", n)
		n.replica.LoseAcknowledgements()
	case k < 70:
		w.trace("%s loses its next append", n)
		n.replica.LoseAppends(1)
		n.losing++
	case k < 80:
		w.trace("%s is busy", n)
		n.replica.Refuse(bifrost.ErrBusy)
	case k < 97:
		w.trace("%s flushes", n)
		if err := n.Store().Flush(); err != nil {
			w.fail("%s: %v", n, err)
		}
	default:
		w.trim(n)
	}
	return true
}

// restart brings a replica back that is down.
func (w *World) restart() bool {
	n := pick(w, w.nodes, func(n *node) bool { return !n.up() })
	if n == nil {
		return false
	}
	n.start()
	w.trace("%s is back", n)
	return true
}

// election gives a log without a leader one.
func (w *World) election() bool {
	n := pick(w, w.nodes, func(n *node) bool { return n.up() && n.p.log.Leader() == nil })
	if n == nil {
		return false
	}
	w.elect(n.p, n, true)
	return true
}

// elect makes a replica the leader of its log; who hears of it, and whether, is open.
func (w *World) elect(p *partitionLog, n *node, told bool) {
	w.trace("%s leads its log, told: %v", n, told)
	p.log.Lead(n.replica)
	for _, other := range p.nodes {
		if other != n && other.up() && (w.calm || w.chance(0.5)) {
			other.leader.SetLeader(false)
		}
	}
	if told {
		n.leader.SetLeader(true)
	}
}

// wipe lets a replica lose its disk and start from a snapshot of another one.
func (w *World) wipe(n *node) {
	from := pick(w, n.p.nodes, func(o *node) bool { return o != n && o.up() })
	if from == nil {
		return
	}
	var b bytes.Buffer
	if err := from.Save(&b, nil); err != nil {
		w.fail("save a snapshot of %s: %v", from, err)
		return
	}
	w.trace("%s loses its disk and starts from %s", n, from)
	n.stop()
	n.fs, n.restore = vfs.NewCrashableMem(), b.Bytes()
	n.start()
}

// trim cuts the log behind what all replicas hold durably.
func (w *World) trim(n *node) {
	through := protocol.LSN(1<<64 - 1)
	for _, o := range n.p.nodes {
		if !o.up() {
			return
		}
		durable, err := o.Store().DurableLSN()
		if err != nil {
			w.fail("trim the log of %s: %v", o, err)
			return
		}
		through = min(through, durable)
	}
	w.trace("%s trims its log through %s", n, through)
	if err := n.replica.Trim(context.Background(), through); err != nil {
		w.fail("trim the log of %s: %v", n, err)
	}
}
