package main

func httpChecks() []Check { return nil }
func wireChecks() []Check { return wireBadChecks() }
