package nodelog

import (
	"fmt"

	"github.com/lni/dragonboat/v4/raftio"
	pb "github.com/lni/dragonboat/v4/raftpb"
)

// Name of this kind of log; the library notes it in its directory.
const Name = "perdure-nodelog"

var _ raftio.ILogDB = (*Log)(nil)

// Name implements raftio.ILogDB.
func (l *Log) Name() string { return Name }

// BinaryFormat implements raftio.ILogDB.
func (l *Log) BinaryFormat() uint32 { return raftio.PlainLogDBBinVersion }

// SaveRaftState implements raftio.ILogDB. It returns when the updates are on disk, unless all they
// bring is that more is committed: Raft finds that out again, and the next sync carries it along.
func (l *Log) SaveRaftState(updates []pb.Update, _ uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	size, durable := 0, false
	for i := range updates {
		flags, must, err := l.news(&updates[i])
		if err != nil {
			return err
		}
		if flags != 0 {
			size += updateBytes(&updates[i])
		}
		durable = durable || must
	}
	if size == 0 {
		return nil
	}
	g := l.room(size)
	for i := range updates {
		l.update(g, &updates[i])
	}
	if !durable {
		return l.later()
	}
	return l.wait(g)
}

// updateBytes bounds what an update takes.
func updateBytes(ud *pb.Update) int {
	const head, lengths = 128, 16 // kind, names, flags, state, counts; the length before a part
	n := head
	if !pb.IsEmptySnapshot(ud.Snapshot) {
		n += lengths + ud.Snapshot.Size()
	}
	for i := range ud.EntriesToSave {
		n += lengths + ud.EntriesToSave[i].SizeUpperLimit()
	}
	return n
}

// news tells what of an update is not known yet, and whether somebody may rely on it only once it is
// on disk. An update that would leave a hole is refused. Caller holds mu.
func (l *Log) news(ud *pb.Update) (flags byte, durable bool, err error) {
	r := l.index.replicas[node{ud.ShardID, ud.ReplicaID}]
	if r == nil {
		r = &replica{}
	}
	if !pb.IsEmptyState(ud.State) && !pb.IsStateEqual(ud.State, r.state) {
		flags |= hasState
		durable = ud.State.Term != r.state.Term || ud.State.Vote != r.state.Vote
	}
	if !pb.IsEmptySnapshot(ud.Snapshot) && ud.Snapshot.Index > r.snapshot.Index {
		flags |= hasSnapshot
		durable = true
		r = &replica{hasLast: true, last: ud.Snapshot.Index}
	}
	if entries := ud.EntriesToSave; len(entries) > 0 {
		flags |= hasEntries
		durable = true
		first, last := entries[0].Index, entries[len(entries)-1].Index
		err = r.follows(first)
		if err == nil && last-first+1 != uint64(len(entries)) {
			err = fmt.Errorf("%d entries are numbered %d to %d", len(entries), first, last)
		}
		if err == nil && flags&hasSnapshot != 0 && last < ud.Snapshot.Index {
			err = fmt.Errorf("entries %d to %d come with a snapshot at %d", first, last, ud.Snapshot.Index)
		}
	}
	if err != nil {
		err = fmt.Errorf("save entries of replica %d of log %d: %w", ud.ReplicaID, ud.ShardID, err)
	}
	return flags, durable, err
}

// update puts what is new of an update into a group and the index. Caller holds mu.
func (l *Log) update(g *group, ud *pb.Update) {
	flags, _, _ := l.news(ud) // it was asked for errors before
	if flags == 0 {
		return
	}
	var spans []span
	g.buf, spans = appendUpdate(g.buf, ud, flags, nil)
	r := l.index.replica(ud.ShardID, ud.ReplicaID)
	if flags&hasState != 0 {
		r.state = ud.State
	}
	if flags&hasSnapshot != 0 {
		l.index.restore(r, ud.Snapshot)
	}
	if flags&hasEntries != 0 {
		slots := make([]slot, len(spans))
		for i, s := range spans {
			slots[i] = g.slot(s)
		}
		l.index.append(r, ud.EntriesToSave[0].Index, slots, ud.EntriesToSave)
	}
}

// later leaves records to the next sync, unless too many wait. Caller holds mu.
func (l *Log) later() error {
	if n := len(l.sealed); n > 0 {
		return l.wait(l.sealed[n-1])
	}
	return nil
}

// note puts one record into the log and changes the index, in one go, and waits for the disk.
func (l *Log) note(size int, put func(b []byte) []byte, change func()) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	g := l.room(size + 64)
	g.buf = put(g.buf)
	change()
	return l.wait(g)
}

// SaveBootstrapInfo implements raftio.ILogDB.
func (l *Log) SaveBootstrapInfo(shard, id uint64, bs pb.Bootstrap) error {
	return l.note(bs.Size(),
		func(b []byte) []byte { return appendBootstrap(b, shard, id, &bs) },
		func() { l.index.replica(shard, id).bootstrap = &bs })
}

// GetBootstrapInfo implements raftio.ILogDB.
func (l *Log) GetBootstrapInfo(shard, id uint64) (pb.Bootstrap, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.index.replicas[node{shard, id}]
	if r == nil || r.bootstrap == nil {
		return pb.Bootstrap{}, raftio.ErrNoBootstrapInfo
	}
	return *r.bootstrap, nil
}

// ListNodeInfo implements raftio.ILogDB: the replicas with bootstrap records.
func (l *Log) ListNodeInfo() ([]raftio.NodeInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []raftio.NodeInfo
	for _, r := range l.index.sorted() {
		if r.bootstrap != nil {
			list = append(list, raftio.NodeInfo{ShardID: r.shard, ReplicaID: r.id})
		}
	}
	return list, nil
}

// ReadRaftState implements raftio.ILogDB.
func (l *Log) ReadRaftState(shard, id, snapshotIndex uint64) (raftio.RaftState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.index.replicas[node{shard, id}]
	if r == nil || pb.IsEmptyState(r.state) {
		return raftio.RaftState{}, raftio.ErrNoSavedLog
	}
	rs := raftio.RaftState{State: r.state, FirstIndex: snapshotIndex}
	// What a snapshot covers is committed, whether or not that was noted before a crash.
	rs.State.Commit = max(rs.State.Commit, snapshotIndex)
	if !r.hasLast || r.last == snapshotIndex {
		return rs, nil
	}
	if r.last < snapshotIndex {
		return rs, fmt.Errorf("replica %d of log %d has a snapshot at %d but its entries end at %d: it "+
			"has lost entries, remove the replica and let it join anew", id, shard, snapshotIndex, r.last)
	}
	if r.first <= r.last {
		rs.FirstIndex = max(r.first, snapshotIndex)
		rs.EntryCount = r.last - rs.FirstIndex + 1
	}
	return rs, nil
}

// SaveSnapshots implements raftio.ILogDB: snapshots that replicas here have taken.
func (l *Log) SaveSnapshots(updates []pb.Update) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	var g *group
	for i := range updates {
		ud := &updates[i]
		r := l.index.replicas[node{ud.ShardID, ud.ReplicaID}]
		if pb.IsEmptySnapshot(ud.Snapshot) || r != nil && ud.Snapshot.Index <= r.snapshot.Index {
			continue
		}
		g = l.room(ud.Snapshot.Size() + 64)
		g.buf = appendSnapshot(g.buf, kindSnapshot, ud.ShardID, ud.ReplicaID, &ud.Snapshot)
		l.index.replica(ud.ShardID, ud.ReplicaID).snapshot = ud.Snapshot
	}
	if g == nil {
		return nil
	}
	return l.wait(g)
}

// GetSnapshot implements raftio.ILogDB. Without a snapshot it returns an empty one.
func (l *Log) GetSnapshot(shard, id uint64) (pb.Snapshot, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.index.replicas[node{shard, id}]; r != nil {
		return r.snapshot, nil
	}
	return pb.Snapshot{}, nil
}

// RemoveEntriesTo implements raftio.ILogDB. Nothing waits for the disk: entries that come back after
// a crash harm nobody, and their segments are given back only once the removal is on disk.
func (l *Log) RemoveEntriesTo(shard, id, to uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.usable(); err != nil {
		return err
	}
	r := l.index.replicas[node{shard, id}]
	if r == nil || !r.hasLast || to < r.first {
		return nil
	}
	g := l.room(64)
	g.buf = appendRemoveTo(g.buf, shard, id, to)
	l.index.removeTo(r, to)
	l.nudge()
	return l.later()
}

// CompactEntriesTo implements raftio.ILogDB. Segments are given back in the background, all the time;
// there is nothing to wait for.
func (l *Log) CompactEntriesTo(_, _, _ uint64) (<-chan struct{}, error) {
	l.nudge()
	done := make(chan struct{})
	close(done)
	return done, nil
}

// RemoveNodeData implements raftio.ILogDB.
func (l *Log) RemoveNodeData(shard, id uint64) error {
	defer l.nudge()
	return l.note(0,
		func(b []byte) []byte { return appendHead(b, kindRemove, shard, id) },
		func() { l.index.remove(l.index.replica(shard, id)) })
}

// ImportSnapshot implements raftio.ILogDB.
func (l *Log) ImportSnapshot(ss pb.Snapshot, id uint64) error {
	if ss.Type == pb.UnknownStateMachine {
		return fmt.Errorf("import a snapshot of log %d: it does not say what kind of state it has",
			ss.ShardID)
	}
	defer l.nudge()
	return l.note(ss.Size(),
		func(b []byte) []byte { return appendSnapshot(b, kindImport, ss.ShardID, id, &ss) },
		func() { l.index.importSnapshot(l.index.replica(ss.ShardID, id), ss) })
}
