package notice

// What a notice may cost and say. Anybody can send one, of any size.
const (
	maxReports   = 1000      // recipients told of; what stands after them is not read
	maxStatus    = 4 << 20   // bytes read of a part with fields: 4 KiB for each recipient
	maxField     = 4 << 10   // bytes kept of a field in it
	maxOriginal  = 128 << 10 // bytes read of the original message, for its header
	maxText      = 256 << 10 // bytes of text in which an older form is looked for
	maxMarker    = 60        // lines, blank ones not counted, before an older form says what it is
	maxHTML      = 256 << 10 // bytes of HTML that are read as text, where there is no text
	maxDiagnosis = 256       // bytes of a diagnosis
	maxEvidence  = 100       // bytes of the evidence
	maxAddress   = 320       // bytes of an address: 64, an @, and 255 (RFC 5321, section 4.5.3.1)
	maxEnvelope  = 100       // bytes of an envelope's id (RFC 3461, section 4.4)
)
