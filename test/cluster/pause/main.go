// Command pause does nothing, as the first process of a pod's sandbox and of a test node.
//
// The first process of a PID namespace inherits every orphan in it, and the kernel ends the namespace when that
// process ends. So it waits for children that are not its own, and ends on SIGTERM and SIGINT only: as process 1 it
// would otherwise ignore both.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for received := range signals {
		if received != syscall.SIGCHLD {
			return
		}
		reap()
	}
}

// reap waits for every child that has ended. One SIGCHLD may stand for several of them.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
