package mime

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     []string // name|addr
		flags    Flags
	}{
		{"plain", "a@b, c@d", []string{"|a@b", "|c@d"}, 0},
		{"names", `Ann <a@b>, "Bob, \"B\"" <c@d>`, []string{"Ann|a@b", `Bob, "B"|c@d`}, 0},
		{"MIME-06 bare and named", `a@b, "x" <y@z>`, []string{"|a@b", "x|y@z"}, 0},
		{"MIME-06 group", "g: a@b, c@d;, e@f", []string{"|a@b", "|c@d", "|e@f"}, Group},
		{"empty group", "undisclosed-recipients:;", nil, Group},
		{"comment is the name", "a@b (Ann (A.))", []string{"Ann (A.)|a@b"}, 0},
		{"obsolete white space", "a . b @ c . d", []string{"|a.b@c.d"}, 0},
		{"obsolete route", "<@r,@s:a@b>", []string{"|a@b"}, 0},
		{"dots in a name", "Dr. A. B. <a@b>", []string{"Dr. A. B.|a@b"}, 0},
		{"encoded name", "=?utf-8?q?=C3=A4=2Cb?= <a@b>", []string{"ä,b|a@b"}, 0},
		{"quoted encoded name", `"=?utf-8?q?=C3=A4?=" <a@b>`, []string{"ä|a@b"}, 0},
		{"quoted local part", `"a b"@c`, []string{`|"a b"@c`}, 0},
		{"domain literal", "a@[IPv6:::1], b@c", []string{"|a@[IPv6:::1]", "|b@c"}, 0},
		{"semicolons", "a@b; c@d", []string{"|a@b", "|c@d"}, 0},
		{"empty elements", ",,a@b,,", []string{"|a@b"}, 0},
		{"UTF-8", "Jörg <jörg@exämple.com>", []string{"Jörg|jörg@exämple.com"}, 0},
		{"no brackets", "Jo Doe jo@x", []string{"Jo Doe|jo@x"}, BadAddress},
		{"quoted name, no brackets", `"Jo Doe" jo@x`, []string{"Jo Doe|jo@x"}, BadAddress},
		{"no closing bracket", "Jo <jo@x, a@b", []string{"Jo|jo@x", "|a@b"}, BadAddress},
		{"two in brackets", "<a@b><c@d>", []string{"|a@b", "|c@d"}, BadAddress},
		{"double brackets", "<<a@b>>", []string{"|a@b"}, BadAddress},
		{"MIME-30 comment trick", "<a@b (c@d)>", []string{"|a@b"}, 0},
		{"only a name", "Jo Doe", []string{"Jo Doe|"}, BadAddress},
		{"only a word", "root", []string{"|root"}, BadAddress},
		{"no closing quote", `"Jo <a@b>`, []string{`Jo <a@b>|`}, BadAddress},
		{"control characters", "\"\x01\" <\x01>", nil, 0},
		{"empty", "", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			flags := Addresses(tt.in, 100, func(name, addr string) { got = append(got, name+"|"+addr) })
			if !slices.Equal(got, tt.want) || flags != tt.flags {
				t.Errorf("Addresses(%q) = %q, flags %x, want %q, flags %x", tt.in, got, flags, tt.want, tt.flags)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "a b", "a b"},
		{"Q", "=?utf-8?Q?a_=C3=A4?=", "a ä"},
		{"B", "=?UTF-8?b?w6Q=?=", "ä"},
		{"adjacent", "=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
		{"not adjacent", "=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b"},
		{"character in two words", "=?utf-8?q?=C3?= =?utf-8?b?pA==?=", "ä"},
		{"two charsets", "=?utf-8?q?=C3=A4?= =?iso-8859-1?q?=E4?=", "ää"},
		{"language", "=?utf-8*de?q?=C3=A4?=", "ä"},
		{"within a word", "x=?utf-8?q?a?=y", "xay"},
		{"spaces inside", "=?utf-8?q?a b?=", "a b"},
		{"no padding", "=?utf-8?b?w6Q?=", "ä"},
		{"broken base64", "=?utf-8?b?w*6Q=?=", "ä"},
		{"broken Q", "=?utf-8?q?=C3=A4=Z?=", "ä=Z"},
		{"unknown charset, UTF-8", "=?x?q?=C3=A4?=", "ä"},
		{"unknown charset, else", "=?x?q?=E4?=", "ä"},
		{"unknown encoding", "=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"unterminated", "=?utf-8?q?a", "=?utf-8?q?a"},
		{"unterminated before another", "=?utf-8?q?a =?utf-8?q?b?=", "=?utf-8?q?a b"},
		{"MIME-07 in itself", "=?utf-8?q?=?utf-8?q?a?=", "=?utf-8?q?a"},
		{"line ends", "=?utf-8?q?a=0D=0AB:_c?=", "a  B: c"},
		{"MIME-24 surrogate", "=?utf-8?q?=ED=A0=80?=", "\uFFFD\uFFFD\uFFFD"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := Words(tt.in); got != tt.want {
				t.Errorf("Words(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestParams(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", `; a=b; C="d e"`, "a=b c=d e"},
		{"escapes", `; a="b\"c\\d"`, `a=b"c\d`},
		{"a path", `; filename="C:\x\y.doc"`, `filename=C:\x\y.doc`},
		{"white space", "; a = b ;c\t=\"d\" ", "a=b c=d"},
		{"comments", "; (x) a=b (y); c=d", "a=b c=d"},
		{"unquoted spaces", "; name=my file.pdf; c=d", "name=my file.pdf c=d"},
		{"unterminated quote", `; a="b; c=d`, "a=b; c=d"},
		{"stray quote", `; a=b"; c=d`, "a=b c=d"},
		{"no value", "; a; b=c; =d", "b=c"},
		{"twice", "; a=b; a=c", "a=b"},
		{"encoded word", `; a="=?utf-8?q?=C3=A4?="`, "a=ä"},
		{"RFC 2231", "; a*=utf-8'de'%C3%A4", "a=ä"},
		{"RFC 2231 without charset", "; a*=%41", "a=A"},
		{"RFC 2231 broken", "; a*=utf-8''%4x%", "a=%4x%"},
		{"MIME-05 sections", "; a*0*=utf-8''%C3; a*1*=%A4; a*2=\"b c\"", "a=äb c"},
		{"MIME-05 order", "; a*1=c; a*0=b", "a=bc"},
		{"MIME-05 gap", "; a*0=b; a*2=d", "a=b"},
		{"MIME-05 plain and extended", "; a=b; a*=utf-8''c; a*0=d", "a=c"},
		{"MIME-05 plain and sections", "; a=b; a*0=d", "a=d"},
		{"MIME-05 section of 4294967295", "; a*4294967295=b", "a*4294967295=b"},
		{"MIME-08 two boundaries", "; boundary=a; boundary=b", "boundary=a boundary=b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			params, _ := Params(tt.in, 100)
			var got []string
			for _, p := range params {
				got = append(got, p.Name+"="+p.Value)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("Params(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestHTMLWords(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"inline tags do not part words", "a<b>b</b><span class='x'>c</span>", "abc |"},
		{"others do", "a<br>b<p>c</p>d<td>e", "a b c d e |"},
		{"entities", "&auml;&#228;&#xE4;&nbsp;&amp;&lt;b&gt; &x; &", "äää &<b> &x; & |"},
		{"not visible", "<title>t</title><style>s</style>a<script>if(a<b)</script><!-- c --><!DOCTYPE d><?e?>", "a |"},
		{"conditional comment", "<!--[if mso]><p>x</p><![endif]-->a<![if !mso]>b<![endif]>", "ab |"},
		{"no tag", "1 < 2 <3 a<", "1 < 2 <3 a |"},
		{"links", `<a href="http://x/?a&amp;b">l</a><img src=i.png><a href='y z'>`, "l |http://x/?a&b i.png yz "},
		{"cid is no content", `<img src="cid:a@b"><img src="ci">`, "|ci "},
		{"attributes are no words", `<p title="a > b" x=y>c`, "c |"},
		{"unterminated", `a<p title="b`, "a |"},
		{"white space", " a \r\n\t b\u00a0c\u2003d ", "a b c d |"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := htmlWords(tt.in, 1000); got != tt.want {
				t.Errorf("%q has %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestMessageIDs(t *testing.T) {
	for _, tt := range []struct{ in, one, all string }{
		{"<a@b>", "a@b", "[a@b]"},
		{" <a@b> (c) <d@e>", "a@b", "[a@b d@e]"},
		{"<a@ b>", "a@b", "[a@b]"},
		{"a@b", "a@b", "[a@b]"},
		{"<>", "", "[]"},
		{"<a@b", "a@b", "[a@b]"},
		{"Your mail of Monday <a@b>", "a@b", "[a@b]"},
		{"Your mail of Monday", "YourmailofMonday", "[]"},
		{"<1> <2> <3> <4>", "1", "[2 3 4]"},
	} {
		if one, all := MessageID(tt.in), fmt.Sprint(MessageIDs(tt.in, 3)); one != tt.one || all != tt.all {
			t.Errorf("%q: %q and %s, want %q and %s", tt.in, one, all, tt.one, tt.all)
		}
	}
}
