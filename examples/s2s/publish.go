package main

import (
	"context"
	"regexp"
	"strings"
)

// metadataFile is what Exchange Server reads of a host that issues its tokens itself.
const metadataFile = "metadata.json"

// document returns it: the certificates without their keys, and whom they prove.
func (s *setup) document() ([]byte, error) {
	source := s.source()
	defer source.Close()
	return source.Metadata(s.client, s.realm, s.metadataURL())
}

// publish writes it. A host would serve it itself.
func (s *setup) publish(context.Context) (string, error) {
	text, err := s.document()
	if err != nil {
		return "", err
	}
	if err := s.folder.write(metadataFile, text, 0o644); err != nil {
		return "", err
	}
	words := strings.Join(strings.Fields(string(text)), " ")
	return metadataFile + ", to be served at " + s.metadataURL() + ", where the Exchange servers reach it: " + tooLong.ReplaceAllString(words, `"$1": "$2…"`), nil
}

// tooLong is what nobody reads: the certificate, and what is made of it.
var tooLong = regexp.MustCompile(`"(id|x5t|value)": "(MII|)[^"]{8,}"`)
