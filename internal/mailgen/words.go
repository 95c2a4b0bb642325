package mailgen

import "strings"

var english = strings.Fields(`the invoice of last month has been paid and we would like to
	confirm that your order will be sent on Monday please let me know if the meeting can be moved to
	next week as our customer asked for a new quote with three more seats thank you for your quick
	answer I have attached the contract draft which needs a signature before Friday best regards from
	all of us here in support there is still an open question about delivery price and warranty`)

var languages = [][]string{
	english,
	strings.Fields(`die Rechnung für März wurde überwiesen und wir möchten bestätigen dass Ihre Größe
		verfügbar ist können Sie uns bitte die geänderten Verträge zurückschicken schöne Grüße aus Köln`),
	strings.Fields(`la réunion a été déplacée à jeudi veuillez trouver ci-joint le contrat signé nous
		avons reçu votre commande où êtes-vous livré à côté de la gare très cordialement Françoise`),
	strings.Fields(`proszę o potwierdzenie że faktura została opłacona dziękuję za szybką odpowiedź
		załączam umowę którą należy podpisać do piątku pozdrawiam serdecznie Łukasz`),
	strings.Fields(`請 確認 訂單 已 收到 謝謝 您的 回覆 會議 改 到 星期五 合約 見 附件 お世話になっております 請求書 を 送ります`),
	strings.Fields(`договор подписан и отправлен сегодня пожалуйста подтвердите получение счёта спасибо
		за быстрый ответ встреча перенесена на пятницу с уважением`),
}

// A person is someone who writes or gets mail.
type person struct{ given, header, address string }

// people have their names as the header writes them: as words, as a quoted
// string, and as encoded words of both kinds.
var people = []person{
	{"Anna", "Anna Berger", "anna.berger@example.com"},
	{"Bob", `"Smith, Bob (Sales)"`, "bob.smith@example.net"},
	{"Juergen", "=?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?=", "juergen.mueller@example.org"},
	{"Francoise", "=?utf-8?B?RnJhbsOnb2lzZSBMw6l2ZXF1ZQ==?=", "francoise@example.com"},
	{"Lukasz", "=?UTF-8?Q?=C5=81ukasz_W=C3=B3jcik?=", "lukasz.wojcik@example.net"},
	{"Yuki", "=?UTF-8?B?55Sw5LitIOmbquWtkA==?=", "yuki@example.org"},
	{"Carol", "Carol van der Meer", "carol+crm@example.com"},
	{"Support", `"Support Team"`, "support@example.net"},
	{"Dave", "", "dave@example.org"},
}

var subjects = []string{
	"Re: open invoice",
	"Quote for three more seats",
	"Fwd: Re: contract draft, please sign",
	"=?UTF-8?Q?R=C3=BCckfrage_zur_Lieferung?=",
	"=?utf-8?B?UsOpdW5pb24gZMOpcGxhY8OpZSDDoCBqZXVkaQ==?=",
	"=?UTF-8?B?6K6i5Y2V56Gu6K6k?= (order)",
	"Your order has been sent: everything you need to know about its way to you,\r\n and what to do if nobody is at home",
	"=?iso-8859-1?Q?Best=E4tigung?= =?iso-8859-1?Q?_Ihrer_Bestellung?=",
	"[Ticket] cannot sign in since Monday",
}

var mailers = []string{
	"User-Agent: Mozilla Thunderbird\r\n",
	"X-Mailer: Microsoft Outlook 16.0\r\nThread-Index: AQHaT3l2p0J9m1uQ0kq3b7w2z5x8YA==\r\nContent-Language: en-US\r\n",
	"X-Mailer: Apple Mail (2.3774.500.171.1.1)\r\n",
	"",
}

// A file is an attachment's name, as the header's fields write it, and its type.
type file struct{ mediaType, name string }

var files = []file{
	{"application/pdf", `filename="invoice.pdf"`},
	{"image/png", `filename="screen shot.png"`},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "filename*=UTF-8''Vertrag%20%C3%BCber%20M%C3%B6bel.docx"},
	{"application/zip", "filename*0=\"a long name that was broken \";\r\n\tfilename*1=\"in two.zip\""},
}
