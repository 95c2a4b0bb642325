package schema

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// soapXSD joins the served documents to a schema of whole messages.
const soapXSD = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:s="` + SOAP + `" targetNamespace="` + SOAP + `" elementFormDefault="qualified">
<xs:import namespace="` + Messages + `" schemaLocation="messages.xsd"/>
<xs:import namespace="` + Types + `" schemaLocation="types.xsd"/>
<xs:element name="Envelope"><xs:complexType><xs:sequence>
  <xs:element name="Header" minOccurs="0"><xs:complexType><xs:sequence><xs:any namespace="##other" processContents="strict" minOccurs="0" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element>
  <xs:element name="Body"><xs:complexType><xs:sequence><xs:any namespace="##other" processContents="strict"/></xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>`

func xmllint(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("xmllint")
	if err != nil {
		t.Skip("xmllint is not here")
	}
	return program
}

// served writes the documents of an edition into a folder.
func served(t *testing.T, e Edition) string {
	folder := t.TempDir()
	var b bytes.Buffer
	require.NoError(t, WriteXSD(&b, Types, e))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "types.xsd"), b.Bytes(), 0o600))
	b.Reset()
	require.NoError(t, WriteXSD(&b, Messages, e))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "messages.xsd"), b.Bytes(), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "soap.xsd"), []byte(soapXSD), 0o600))
	return folder
}

// verdicts asks xmllint about files, and returns what it says against each.
func verdicts(t *testing.T, program, schema string, files []string) map[string]string {
	out, err := exec.Command(program, append([]string{"--nonet", "--noout", "--schema", schema}, files...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	against := map[string]string{}
	told := map[string]bool{}
	why := ""
	for _, line := range strings.Split(string(out), "\n") {
		if file, ok := strings.CutSuffix(line, " fails to validate"); ok {
			against[file], told[file], why = "invalid: "+why, true, ""
		} else if file, ok := strings.CutSuffix(line, " validates"); ok {
			told[file] = true
		} else if why == "" {
			why = line
		}
	}
	require.Len(t, told, len(files), "%.2000s", out)
	return against
}

// A served document set is one that other programs can read, and it, Microsoft's documents and
// the checker are of one mind about messages, right and wrong.
func TestCheckerAgreesWithXmllint(t *testing.T) {
	program := xmllint(t)
	for _, tt := range []struct {
		edition Edition
		set     string
	}{{Newest, "m365-2025"}, {Exchange2013SP1, "exchange2013sp1"}} {
		t.Run(tt.set, func(t *testing.T) {
			const count = 800
			folder := t.TempDir()
			g := newGenerator(tt.edition, 7)
			var files []string
			mine, how := map[string]string{}, map[string]string{}
			refused := 0
			for i := range count {
				m := g.message()
				file := filepath.Join(folder, fmt.Sprint(i, ".xml"))
				how[file] = "as made"
				if i%3 > 0 {
					how[file] = g.spoil(m)
				}
				text := m.String()
				require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
				files = append(files, file)
				if err := Check(strings.NewReader(text), tt.edition); err != nil {
					mine[file] = err.Error()
					refused++
				}
				if i%3 == 0 {
					assert.Empty(t, mine[file], text)
				}
			}
			assert.Greater(t, refused, count/4)
			assert.Less(t, refused, count*3/4)
			compare := func(schema string) {
				theirs := verdicts(t, program, schema, files)
				for _, f := range files {
					if theirs[f] == "" && strings.Contains(mine[f], "not a valid Base64 value") {
						continue // xmllint passes over what is no letter of base64
					}
					if (theirs[f] == "") != (mine[f] == "") {
						text, _ := os.ReadFile(f)
						t.Errorf("%s: %s\nxmllint: %s\nchecker: %s\n%.1500s", filepath.Base(schema), how[f], theirs[f], mine[f], text)
					}
				}
			}
			compare(filepath.Join(served(t, tt.edition), "soap.xsd"))
			t.Run("official", func(t *testing.T) {
				compare(filepath.Join(schemaFolder(t, tt.set), "soap.xsd"))
			})
		})
	}
}
