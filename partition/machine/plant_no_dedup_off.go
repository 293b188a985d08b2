//go:build !plant_no_dedup

package machine

// plantNoDedup is a fault that chaos/cluster builds in to see whether it is found: what another
// partition sends again applies again.
const plantNoDedup = false
