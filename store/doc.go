// Package store keeps what mynah must not lose: accepted notes and their
// progress (coach.Queue), recordings until they are answered (coach.AudioHold),
// learners' lessons (coach.History) and adapters' own state (Shelf). All of it
// lives in NATS JetStream, either embedded in this process or in a cluster that
// is reached by URL; the code above the connection is the same for both.
//
// # How the queue works
//
// A note is one subject of one stream, and the last message on that subject is
// the whole truth about it: its state in the headers, its Task in the payload.
// Every change is one conditional write, "if the last message is still number
// n" (Nats-Expected-Last-Subject-Sequence), so every change is atomic, an
// interrupted one leaves the state before it, and a worker whose claim was
// taken over cannot write any more. There is no second queue that could
// disagree with it: each process keeps an index of the headers in memory, fed
// by a watch, and picks from that what to claim next; a pick from a stale index
// fails its conditional write and costs nothing.
//
//	            Accept
//	              |
//	              v       Claim           Finish
//	 +------->  ready  ----------> claimed ------> done (known for Config.KnowFor)
//	 |            ^   (or lapsed)   |  |  \
//	 |   due      | ctx ends        |  |   Bury
//	later <-------+-----------------+  |     \
//	          Retry                 Save      dead (kept for Config.KeepDead)
//
// Wake makes a note due before its time.
//
// A claim names its owner, one token for each open Store. Owners send
// heartbeats; a claim whose owner has been silent for Config.Lease, or has said
// goodbye, may be taken by anyone. An embedded store has no other processes
// (its directory is locked), so there a dead process's claims are free at once.
//
// docs/queue.md says why it is built like this.
package store
