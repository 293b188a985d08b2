package command

// Kind is the durable number of a command.
type Kind uint8

const (
	KindAnnounceLeader Kind = 1
	KindVersionBarrier Kind = 2
	KindCompareDigest  Kind = 3

	KindInvoke        Kind = 10
	KindInvokerEffect Kind = 11
	KindTimerFired    Kind = 12

	KindComplete  Kind = 20
	KindSignal    Kind = 21
	KindAttach    Kind = 22
	KindGetOutput Kind = 23
	KindTerminate Kind = 24

	KindPurge        Kind = 30
	KindPurgeJournal Kind = 31
	KindPause        Kind = 32
	KindResume       Kind = 33
	KindRestart      Kind = 34
	KindPatchState   Kind = 35

	KindTruncateOutbox Kind = 40
	KindEnvelope       Kind = 41
)

// Command is one of the command structs of this package, by pointer.
type Command interface {
	Kind() Kind
	// appendBody appends the command's fields; decodeBody, on a zero command, reads them.
	appendBody(dst []byte) []byte
	decodeBody(b []byte) error
	// sizeHint is about the size that appendBody appends, in bytes.
	sizeHint() int
}

func (*AnnounceLeader) Kind() Kind { return KindAnnounceLeader }
func (*VersionBarrier) Kind() Kind { return KindVersionBarrier }
func (*CompareDigest) Kind() Kind  { return KindCompareDigest }
func (*Invoke) Kind() Kind         { return KindInvoke }
func (*InvokerEffect) Kind() Kind  { return KindInvokerEffect }
func (*TimerFired) Kind() Kind     { return KindTimerFired }
func (*Complete) Kind() Kind       { return KindComplete }
func (*Signal) Kind() Kind         { return KindSignal }
func (*Attach) Kind() Kind         { return KindAttach }
func (*GetOutput) Kind() Kind      { return KindGetOutput }
func (*Terminate) Kind() Kind      { return KindTerminate }
func (*Purge) Kind() Kind          { return KindPurge }
func (*PurgeJournal) Kind() Kind   { return KindPurgeJournal }
func (*Pause) Kind() Kind          { return KindPause }
func (*Resume) Kind() Kind         { return KindResume }
func (*Restart) Kind() Kind        { return KindRestart }
func (*PatchState) Kind() Kind     { return KindPatchState }
func (*TruncateOutbox) Kind() Kind { return KindTruncateOutbox }
func (*Envelope) Kind() Kind       { return KindEnvelope }
