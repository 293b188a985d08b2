package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// commandsOf asks the command line, command by command, for all that it has.
func commandsOf(ctx context.Context, binary string, path ...string) ([]string, error) {
	out, err := exec.CommandContext(ctx, binary, append(path, "--help")...).Output()
	if err != nil {
		return nil, fmt.Errorf("ask for the commands of restate %s: %w", strings.Join(path, " "), err)
	}
	_, list, found := strings.Cut(string(out), "\nCommands:\n")
	if !found {
		return []string{strings.Join(path, " ")}, nil
	}
	list, _, _ = strings.Cut(list, "\n\n")
	var all []string
	for line := range strings.Lines(list) {
		// Two blanks, the name, its description; what goes on below is further to the right.
		if !strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "   ") {
			continue
		}
		name := strings.Fields(line)[0]
		if name == "help" {
			continue
		}
		below, err := commandsOf(ctx, binary, append(slices.Clone(path), name)...)
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// untested returns the commands that no step runs and that are not excused, and excuses for commands
// that are not there or that a step runs.
func untested(commands []string, steps []step, excused map[string]string) (missing, idle []string) {
	run := func(command string) bool {
		words := strings.Fields(command)
		return slices.ContainsFunc(steps, func(st step) bool {
			return len(st.args) >= len(words) && slices.Equal(st.args[:len(words)], words)
		})
	}
	for _, command := range commands {
		if _, ok := excused[command]; !ok && !run(command) {
			missing = append(missing, command)
		}
	}
	for command := range excused {
		if !slices.Contains(commands, command) || run(command) {
			idle = append(idle, command)
		}
	}
	slices.Sort(idle)
	return missing, idle
}
