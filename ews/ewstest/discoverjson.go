package ewstest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// discoverJSON answers autodiscovery's second version, which asks nobody who they are. The
// address is in the query, or in the path behind the version.
func (s *Server) discoverJSON(w http.ResponseWriter, r *http.Request, rest string) {
	q := make(map[string]string)
	for name, values := range r.URL.Query() {
		q[strings.ToLower(name)] = values[0]
	}
	address := q["email"]
	if address == "" {
		_, address, _ = strings.Cut(rest, "/")
	}
	s.count(func(c *Counts) { c.Requests["Autodiscover"]++ })
	if f := s.fault("Autodiscover", lowered(address)); f != nil {
		s.pause(r, f.Delay)
		if f.isPlain() {
			s.answerPlainly(&answer{s: s, w: w, r: r}, f)
			return
		}
	}
	_, redirect, value, problem := s.settle(address)
	switch {
	case !strings.Contains(address, "@"):
		sayJSON(w, http.StatusBadRequest, "ErrorCode", "InvalidUserId", "ErrorMessage", "The given user is invalid.")
	case q["protocol"] == "":
		sayJSON(w, http.StatusBadRequest, "ErrorCode", "MandatoryParameterMissing", "ErrorMessage", "A valid value must be provided for the query parameter 'Protocol'")
	case !strings.EqualFold(q["protocol"], "EWS"):
		sayJSON(w, http.StatusBadRequest, "ErrorCode", "InvalidProtocol", "ErrorMessage", "The given protocol value '"+q["protocol"]+"' is invalid. Supported values are 'EWS'")
	case problem != "":
		sayJSON(w, http.StatusNotFound, "ErrorCode", "UserNotFound", "ErrorMessage", "The given user is not found")
	case redirect == "redirectUrl":
		http.Redirect(w, r, value, http.StatusFound)
	case redirect != "":
		http.Redirect(w, r, "/autodiscover/autodiscover.json?Email="+url.QueryEscape(value)+"&Protocol=EWS", http.StatusFound)
	default:
		sayJSON(w, http.StatusOK, "Protocol", "EWS", "Url", s.externalURL())
	}
}

func sayJSON(w http.ResponseWriter, status int, pairs ...string) {
	answer := make(map[string]string)
	for i := 0; i+1 < len(pairs); i += 2 {
		answer[pairs[i]] = pairs[i+1]
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer)
}
