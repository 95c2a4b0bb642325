package ewstest

import "net/http"

// respond answers a request that is understood.
func (s *Server) respond(a *answer, q *request) {
	w, err := s.perform(q)
	if err != nil {
		a.refuse(err)
		return
	}
	a.send(http.StatusOK, w)
}

func (s *Server) describe(w http.ResponseWriter, r *http.Request, path string) { http.NotFound(w, r) }
func (s *Server) discover(w http.ResponseWriter, r *http.Request, path string) { http.NotFound(w, r) }
