// Command mynah coaches spoken English: it serves the platforms that learners
// send their voice notes on, and scores recordings on the command line.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/mynah-coach/mynah/audio"
)

func main() {
	// The confined child of audio.Decoder is no command for people and not in
	// the help. Nothing else is to run in a process that is about to decode.
	if len(os.Args) > 1 && os.Args[1] == audio.ChildCommand {
		os.Exit(audio.Child(os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal kills
	code := NewMain(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr).Run(ctx)
	stop()
	os.Exit(code)
}
