package store

import (
	"github.com/perdure/perdure/protocol"
	"github.com/perdure/perdure/protocol/journal"
)

// maxCachedNotifications bounds what the cache remembers of one journal.
const maxCachedNotifications = 128

// cache keeps decoded status rows, and the index of notifications of those invocations whose whole
// life it has seen, in two generations: when the young one is full it becomes the old one, and what
// nobody asked for since is dropped. What it holds equals the rows, so that it changes how fast a
// command applies and never what it does.
type cache struct {
	young, old map[protocol.InvocationID]*cached
	capacity   int // of one generation
}

// cached is what is known of one invocation.
type cached struct {
	status Status
	exists bool
	// whole: notifications holds all there are, so that one that is not in it does not exist.
	whole         bool
	notifications map[journal.NotificationID]Notification
}

func newCache(entries int) cache {
	return cache{young: map[protocol.InvocationID]*cached{}, capacity: entries / 2}
}

func (c *cache) get(id protocol.InvocationID) *cached {
	if e := c.young[id]; e != nil {
		return e
	}
	e := c.old[id]
	if e != nil {
		delete(c.old, id)
		c.insert(id, e)
	}
	return e
}

func (c *cache) insert(id protocol.InvocationID, e *cached) {
	if c.capacity <= 0 {
		return
	}
	if len(c.young) >= c.capacity {
		c.old, c.young = c.young, make(map[protocol.InvocationID]*cached, c.capacity)
	}
	c.young[id] = e
}

// loaded remembers what a read found. One that does not exist has no notifications, and neither has
// one with nothing but its input.
func (c *cache) loaded(id protocol.InvocationID, s Status, exists bool) {
	if s.State != Completed {
		c.insert(id, &cached{status: s, exists: exists, whole: !exists || s.EntryCount == 1})
	}
}

func (c *cache) put(s Status) {
	if s.State == Completed { // rarely asked for again, and its result may be large
		c.drop(s.ID)
		return
	}
	e := c.get(s.ID)
	if e == nil {
		e = &cached{}
		c.insert(s.ID, e)
	}
	e.status, e.exists = s, true
}

// putNotification remembers an index row.
func (c *cache) putNotification(
	id protocol.InvocationID, n journal.NotificationID, at Notification,
) {
	e := c.get(id)
	if e == nil || !e.whole {
		return
	}
	if e.notifications == nil {
		e.notifications = make(map[journal.NotificationID]Notification, 8)
	}
	e.notifications[n] = at
	if len(e.notifications) > maxCachedNotifications {
		e.whole, e.notifications = false, nil
	}
}

func (c *cache) drop(id protocol.InvocationID) {
	delete(c.young, id)
	delete(c.old, id)
}

func (c *cache) clear() {
	clear(c.young)
	clear(c.old)
}
