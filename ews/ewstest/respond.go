package ewstest

import "net/http"

// respond answers a request that is understood.
func (s *Server) respond(a *answer, q *request) {
	leave, err := s.load.enter(q, s.options)
	if err != nil {
		a.refuse(err)
		return
	}
	defer leave()
	s.pause(a.r, s.options.Latency)
	f := s.fault(q.op, q.acting)
	switch {
	case f != nil && (q.op != "GetStreamingEvents" || f.isPlain()):
		s.misbehave(a, q, f)
	case q.op == "GetStreamingEvents":
		s.stream(a, q, f)
	default:
		w, err := s.perform(q)
		if err != nil {
			a.refuse(err)
			return
		}
		a.send(http.StatusOK, w)
	}
}
