package bifrost

// Elect does what a host does that takes its replicas for the only ones.
func (h *RaftHost) Elect(id LogID) { h.elect(h.find(id)) }
