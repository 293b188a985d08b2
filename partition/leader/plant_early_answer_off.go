//go:build !plant_early_answer

package leader

// plantEarlyAnswer is a fault that chaos/cluster builds in to see whether it is found: a send is
// answered before a majority has it.
const plantEarlyAnswer = false
