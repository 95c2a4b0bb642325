package ewstest

func (s *Server) stream(a *answer, q *request, f *Fault) {}
