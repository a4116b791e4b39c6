package store_test

import "os"

// runChild does a child's work if this process is one.
func runChild() {
	if conf := os.Getenv(nodeVariable); conf != "" {
		runNode(conf)
	}
}
