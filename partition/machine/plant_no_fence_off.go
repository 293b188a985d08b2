//go:build !plant_no_fence

package machine

// plantNoFence is a fault that chaos/cluster builds in to see whether it is found: commands of
// leaders of the past apply.
const plantNoFence = false
