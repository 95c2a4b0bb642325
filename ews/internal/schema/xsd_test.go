package schema

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A definitions is what a client's generator of code reads of a WSDL.
type definitions struct {
	Target   string `xml:"targetNamespace,attr"`
	Messages []struct {
		Name  string `xml:"name,attr"`
		Parts []struct {
			Name    string `xml:"name,attr"`
			Element string `xml:"element,attr"`
		} `xml:"part"`
	} `xml:"message"`
	Port struct {
		Operations []struct {
			Name  string `xml:"name,attr"`
			Input struct {
				Message string `xml:"message,attr"`
			} `xml:"input"`
			Output struct {
				Message string `xml:"message,attr"`
			} `xml:"output"`
		} `xml:"operation"`
	} `xml:"portType"`
	Binding struct {
		Binding struct {
			Style string `xml:"style,attr"`
		} `xml:"binding"`
		Operations []struct {
			Name   string `xml:"name,attr"`
			Action struct {
				Action string `xml:"soapAction,attr"`
			} `xml:"operation"`
			Input struct {
				Headers []struct {
					Message string `xml:"message,attr"`
					Part    string `xml:"part,attr"`
				} `xml:"header"`
				Body struct {
					Parts string `xml:"parts,attr"`
				} `xml:"body"`
			} `xml:"input"`
		} `xml:"operation"`
	} `xml:"binding"`
	Service []struct {
		Port struct {
			Address struct {
				Location string `xml:"location,attr"`
			} `xml:"address"`
		} `xml:"port"`
	} `xml:"service"`
}

// Every reference in the description leads to something, down to the elements of the table.
func TestWSDLHoldsTogether(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteWSDL(&b, "https://mail.example.com/EWS/Exchange.asmx?a&b"))
	var d definitions
	require.NoError(t, xml.Unmarshal(b.Bytes(), &d))
	assert.Equal(t, Messages, d.Target)
	assert.Equal(t, "document", d.Binding.Binding.Style)
	require.Len(t, d.Service, 1)
	assert.Equal(t, "https://mail.example.com/EWS/Exchange.asmx?a&b", d.Service[0].Port.Address.Location)

	parts := map[string]map[string]string{}
	for _, m := range d.Messages {
		parts["m:"+m.Name] = map[string]string{}
		for _, p := range m.Parts {
			parts["m:"+m.Name][p.Name] = p.Element
		}
	}
	elements := map[string]role{}
	for n, e := range tables(Newest).elements {
		elements[qualified(n)] = e.role
	}
	require.Len(t, d.Port.Operations, len(Operations()))
	require.Len(t, d.Binding.Operations, len(Operations()))
	for i, name := range Operations() {
		port, bound := d.Port.Operations[i], d.Binding.Operations[i]
		assert.Equal(t, operation(name), port.Name)
		assert.Equal(t, operation(name), bound.Name)
		assert.Equal(t, Messages+"/"+operation(name), bound.Action.Action)
		assert.Equal(t, "m:"+name, parts[port.Input.Message][bound.Input.Body.Parts])
		assert.Equal(t, response, elements[parts[port.Output.Message][operation(name)+"Result"]], name)
		assert.Equal(t, header, elements[parts[port.Output.Message][versionInfo]], name)
		assert.Greater(t, len(bound.Input.Headers), 5)
		for _, h := range bound.Input.Headers {
			assert.Equal(t, header, elements[parts[h.Message][h.Part]], h.Part)
		}
	}

	b.Reset()
	require.NoError(t, WriteWSDL(&b, ""))
	d = definitions{}
	require.NoError(t, xml.Unmarshal(b.Bytes(), &d))
	assert.Empty(t, d.Service)
}

func TestDocumentsSayWhatGoesWrong(t *testing.T) {
	assert.Error(t, WriteXSD(io.Discard, Errors, Newest))
	r, w := io.Pipe()
	broken := errors.New("broken")
	r.CloseWithError(broken)
	assert.ErrorIs(t, WriteXSD(w, Types, Newest), broken)
	assert.ErrorIs(t, WriteWSDL(w, ""), broken)
}
