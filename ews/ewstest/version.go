package ewstest

import (
	"slices"

	"github.com/go-serversync/serversync/ews/internal/schema"
)

// A serverVersion is what an Exchange calls itself, and which schemas it knows.
type serverVersion struct {
	major, minor, build, revision int
	schemas                       []string // from the oldest to the newest
	edition                       schema.Edition
}

// schemas are all that there have been, from the oldest to the newest.
var schemas = []string{
	"Exchange2007", "Exchange2007_SP1", "Exchange2009", "Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2", "Exchange2012", "Exchange2013", "Exchange2013_SP1",
	"Exchange2015", "Exchange2016", "V2015_10_05", "V2016_01_06", "V2016_04_13", "V2016_07_13", "V2016_10_10", "V2017_01_07",
	"V2017_04_14", "V2017_07_11", "V2017_10_09", "V2018_01_08",
}

// versionOf returns the server that Options.Version names.
func versionOf(name string) serverVersion {
	v, newest := serverVersion{}, ""
	switch name {
	case "2010_SP2":
		v, newest = serverVersion{major: 14, minor: 2, build: 247, revision: 1}, "Exchange2010_SP2"
	case "2013_SP1":
		v, newest = serverVersion{major: 15, minor: 0, build: 847, revision: 30}, "Exchange2013_SP1"
	case "2016":
		v, newest = serverVersion{major: 15, minor: 1, build: 2507, revision: 6}, "V2017_07_11"
	case "2019":
		v, newest = serverVersion{major: 15, minor: 2, build: 1544, revision: 4}, "V2017_07_11"
	case "SE":
		v, newest = serverVersion{major: 15, minor: 2, build: 2562, revision: 17}, "V2017_07_11"
	case "EXO":
		v, newest = serverVersion{major: 15, minor: 20, build: 9478, revision: 9}, "V2018_01_08"
	default:
		panic("ewstest: there is no version " + name)
	}
	if v.major < 15 || v.minor == 0 {
		v.edition = schema.Exchange2013SP1
	}
	v.schemas = schemas[:slices.Index(schemas, newest)+1]
	return v
}

func (v serverVersion) newest() string { return v.schemas[len(v.schemas)-1] }

// schemaAsked returns the schema that a request asks for: the first one of all if it asks for
// none.
func (s *Server) schemaAsked(header *node) (string, error) {
	if header == nil {
		return "Exchange2007", nil
	}
	asked := header.attr("Version")
	switch {
	case slices.Contains(s.version.schemas, asked):
		return asked, nil
	case s.options.Plain500:
		return "", &plainly{status: 500, text: "The specified server version is invalid."}
	}
	return "", &failure{code: "ErrorInvalidServerVersion", text: "The specified server version is invalid.", fault: true}
}
