package main

import (
	"fmt"
	"slices"

	"github.com/perdure/perdure/bifrost"
	"github.com/perdure/perdure/partition/machine"
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/command"
)

// Plant is a fault that is built into a world, at the seams between the server and its
// surroundings, to see whether the checker finds it.
type Plant string

const (
	// PlantEarlyActions performs actions before the rows that they come from are committed.
	PlantEarlyActions Plant = "early-actions"
	// PlantNoDedup lets messages between partitions apply as often as they arrive.
	PlantNoDedup Plant = "no-dedup"
	// PlantNoFence lets commands of a leader of the past apply.
	PlantNoFence Plant = "no-fence"
	// PlantLostRecord acknowledges a record that is not in the log.
	PlantLostRecord Plant = "lost-record"
	// PlantLostTimer forgets to set a timer.
	PlantLostTimer Plant = "lost-timer"
	// PlantLostMessage acknowledges a message that was not delivered.
	PlantLostMessage Plant = "lost-message"
)

// Plants are all of them.
var Plants = []Plant{PlantEarlyActions, PlantNoDedup, PlantNoFence, PlantLostRecord,
	PlantLostTimer, PlantLostMessage}

func parsePlant(s string) (Plant, error) {
	if s == "" || slices.Contains(Plants, Plant(s)) {
		return Plant(s), nil
	}
	return "", fmt.Errorf("plant %q: want one of %v", s, Plants)
}

// appendPlanted appends what a leader wants to append.
func (n *node) appendPlanted(done func(protocol.LSN, error), payloads ...[]byte) error {
	switch n.w.opts.Plant {
	case PlantLostRecord:
		if isEffect(payloads[0]) && n.w.chance(0.02) {
			n.w.trace("PLANTED: %s loses a record", n)
			n.background = append(n.background, func() { done(n.replicaTail(), nil) })
			return nil
		}
	case PlantNoDedup:
		payloads = withoutProducer(payloads)
	}
	return n.replica.Append(done, payloads...)
}

func (n *node) replicaTail() protocol.LSN {
	if n.up() {
		return n.replica.Tail()
	}
	return 0
}

func isEffect(record []byte) bool {
	_, c, err := command.Decode(record)
	return err == nil && c.Kind() == command.KindInvokerEffect
}

// withoutProducer turns envelopes into the messages in them.
func withoutProducer(payloads [][]byte) (all [][]byte) {
	for _, record := range payloads {
		h, c, err := command.Decode(record)
		envelope, ok := c.(*command.Envelope)
		if err != nil || !ok {
			all = append(all, record)
			continue
		}
		for _, m := range envelope.Messages {
			inner := command.Header{Key: m.Key, Time: h.Time, Trace: m.Trace}
			all = append(all, command.Encode(nil, &inner, m.Command))
		}
	}
	return all
}

// applyPlanted applies committed records.
func (n *node) applyPlanted(records []bifrost.Record) error {
	switch n.w.opts.Plant {
	case PlantNoFence:
		for _, r := range records {
			r, err := n.unfenced(r)
			if err == nil {
				err = n.Processor.Apply([]bifrost.Record{r})
			}
			if err != nil {
				return err
			}
		}
		return nil
	case PlantEarlyActions:
		return n.applyLate(records)
	}
	return n.Processor.Apply(records)
}

// unfenced makes a leader's command look like the next one of the present epoch.
func (n *node) unfenced(r bifrost.Record) (bifrost.Record, error) {
	h, c, err := command.Decode(r.Data)
	if err != nil || h.Producer.Kind != command.ProducerLeader {
		return r, err
	}
	vars, err := n.Store().Reader().Vars()
	h.Producer.Epoch, h.Sequence = vars.Epoch, vars.LeaderSequence+1
	return bifrost.Record{LSN: r.LSN, Data: command.Encode(nil, &h, c)}, err
}

// applyLate performs the actions of records now and commits their rows with the next ones.
func (n *node) applyLate(records []bifrost.Record) error {
	late := n.held
	n.held = nil
	if len(late) > 0 {
		performs := n.leader
		n.leader = nil // its actions were performed
		err := n.Processor.Apply(late)
		n.leader = performs
		if err != nil {
			return err
		}
	}
	for _, r := range records {
		n.held = append(n.held, bifrost.Record{LSN: r.LSN, Data: slices.Clone(r.Data)})
	}
	tx := n.Store().Begin()
	var acts []machine.Action
	for _, r := range records {
		h, c, err := command.Decode(r.Data)
		if err == nil {
			acts, err = machine.Apply(tx, r.LSN, &h, c, acts)
		}
		if err != nil {
			_ = tx.Discard()
			return err
		}
	}
	n.leader.Perform(acts)
	return tx.Discard()
}

// plantActions drops actions that a leader should perform.
func (n *node) plantActions(acts []machine.Action) []machine.Action {
	if n.w.opts.Plant != PlantLostTimer {
		return acts
	}
	return slices.DeleteFunc(slices.Clone(acts), func(a machine.Action) bool {
		_, timer := a.(machine.RegisterTimer)
		return timer && n.w.chance(0.05)
	})
}
