package main

import (
	"fmt"
	"strings"

	"github.com/go-serversync/serversync"
)

// A message is one of those that come in.
type message struct {
	about  string // for people
	id     string // Message-ID
	folder string // INBOX if empty
	fields string // of its header, besides Message-ID and Date; ID and TOKEN stand for the question's
	body   string
}

var messages = []message{
	{about: "Marta answers with the button of her mail program", id: "1@fabrikam.example",
		fields: "From: Marta Silva <marta@fabrikam.example>\nTo: anna@northwind.example\nSubject: Re: Your order of lanterns\nIn-Reply-To: <ID>\nReferences: <ID>"},
	{about: "Marta writes anew, and keeps the token in the subject", id: "2@fabrikam.example",
		fields: "From: marta@fabrikam.example\nTo: anna@northwind.example\nSubject: One thing more TOKEN"},
	{about: "Marta answers her own answer", id: "3@fabrikam.example",
		fields: "From: marta@fabrikam.example\nTo: anna@northwind.example\nSubject: Re: Your order of lanterns\nIn-Reply-To: <lost@fabrikam.example>\nReferences: <ID> <lost@fabrikam.example>"},
	{about: "A stranger has guessed the token", id: "4@mallory.example",
		fields: "From: mallory@mallory.example\nTo: anna@northwind.example\nSubject: Cheap lanterns TOKEN"},
	{about: "Marta has forwarded the question to a colleague, who answers it", id: "5@fabrikam.example",
		fields: "From: Joao <joao@fabrikam.example>\nTo: anna@northwind.example\nCc: marta@fabrikam.example\nSubject: Re: Your order of lanterns\nIn-Reply-To: <ID>"},
	{about: "A newsletter", id: "6@news.example",
		fields: "From: news@news.example\nTo: anna@northwind.example\nSubject: Light!\nList-Id: <light.news.example>\nPrecedence: bulk"},
	{about: "Marta writes to the help desk, and to Anna", id: "7@fabrikam.example",
		fields: "From: marta@fabrikam.example\nTo: help@northwind.example\nCc: anna@northwind.example\nSubject: A lantern is broken"},
	{about: "A mail server could not deliver the question", id: "8@fabrikam.example",
		fields: "From: Mail Delivery System <MAILER-DAEMON@fabrikam.example>\nTo: anna@northwind.example\nReturn-Path: <>\nAuto-Submitted: auto-replied\n" +
			"Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
		body: "--b\nContent-Type: text/plain\n\nI am sorry.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.fabrikam.example\n\n" +
			"Final-Recipient: rfc822; marta@fabrikam.example\nAction: failed\nStatus: 5.2.2\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <ID>\n\n--b--\n"},
	{about: "Somebody makes up that it could not be delivered", id: "9@mallory.example",
		fields: "From: MAILER-DAEMON@mallory.example\nTo: anna@northwind.example\nReturn-Path: <>\n" +
			"Subject: Undelivered Mail Returned to Sender\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b",
		body: "--b\nContent-Type: text/plain\n\nHa.\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mallory.example\n\n" +
			"Final-Recipient: rfc822; marta@fabrikam.example\nAction: failed\nStatus: 5.1.1\n\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <made.up@northwind.example>\n\n--b--\n"},
	{about: "An offer that Anna has put into her folder Harbour", id: "10@quay.example", folder: "Harbour",
		fields: "From: offers@quay.example\nTo: anna@northwind.example\nSubject: Lights for your quay"},
}

// raw is the message as it comes in after the question was sent.
func (m message) raw(question serversync.Entry) []byte {
	body := m.body
	if body == "" {
		body = "Best regards\n"
	}
	text := fmt.Sprintf("Message-ID: <%s>\nDate: Tue, 13 Oct 2026 09:00:00 +0000\n%s\n\n%s", m.id, m.fields, body)
	return []byte(strings.NewReplacer("<ID>", "<"+question.MessageID+">", "TOKEN", question.Index.Token, "\n", "\r\n").Replace(text))
}
