package schema

import "io"

// offered are the headers of requests that clients are told of. The table has more, which
// servers use among themselves.
var offered = []string{"ExchangeImpersonation", "MailboxCulture", "RequestServerVersion", "TimeZoneContext", "DateTimePrecision", "ManagementRole"}

// versionInfo is the header of responses.
const versionInfo = "ServerVersionInfo"

// WriteWSDL writes the description of the service (WSDL 1.1: document/literal over SOAP 1.1, one
// operation each) that Exchange serves as services.wsdl. It refers to messages.xsd, and is the same
// in every edition. address is
// where the service is, such as "https://mail.example.com/EWS/Exchange.asmx"; with none the
// document describes no service, as Exchange's own.
func WriteWSDL(w io.Writer, address string) error {
	const soap = "http://schemas.xmlsoap.org/wsdl/soap/"
	d := &document{}
	d.line(`<?xml version="1.0" encoding="utf-8"?>`)
	d.open("wsdl:definitions", "xmlns:wsdl", "http://schemas.xmlsoap.org/wsdl/", "xmlns:soap", soap, "xmlns:xs", xsdNamespace,
		"xmlns:m", Messages, "xmlns:t", Types, "targetNamespace", Messages)
	d.open("wsdl:types")
	d.open("xs:schema")
	d.empty("xs:import", "namespace", Messages, "schemaLocation", "messages.xsd")
	d.close("xs:schema", "wsdl:types")
	for _, request := range Operations() {
		d.messages(request)
	}
	d.open("wsdl:portType", "name", "ExchangeServicePortType")
	for _, request := range Operations() {
		d.open("wsdl:operation", "name", operation(request))
		d.empty("wsdl:input", "message", "m:"+operation(request)+"SoapIn")
		d.empty("wsdl:output", "message", "m:"+operation(request)+"SoapOut")
		d.close("wsdl:operation")
	}
	d.close("wsdl:portType")
	d.open("wsdl:binding", "name", "ExchangeServiceBinding", "type", "m:ExchangeServicePortType")
	d.empty("soap:binding", "style", "document", "transport", "http://schemas.xmlsoap.org/soap/http")
	for _, request := range Operations() {
		d.binding(request)
	}
	d.close("wsdl:binding")
	if address != "" {
		d.open("wsdl:service", "name", "ExchangeServices")
		d.open("wsdl:port", "name", "ExchangeServicePort", "binding", "m:ExchangeServiceBinding")
		d.empty("soap:address", "location", address)
		d.close("wsdl:port", "wsdl:service")
	}
	d.close("wsdl:definitions")
	_, err := w.Write(d.Bytes())
	return err
}

// messages writes what goes in and out of an operation: the body and each header is a part.
func (d *document) messages(request string) {
	name := operation(request)
	d.open("wsdl:message", "name", name+"SoapIn")
	d.empty("wsdl:part", "name", "request", "element", "m:"+request)
	for _, h := range offered {
		d.empty("wsdl:part", "name", h, "element", "t:"+h)
	}
	d.close("wsdl:message")
	d.open("wsdl:message", "name", name+"SoapOut")
	d.empty("wsdl:part", "name", name+"Result", "element", "m:"+name+"Response")
	d.empty("wsdl:part", "name", versionInfo, "element", "t:"+versionInfo)
	d.close("wsdl:message")
}

func (d *document) binding(request string) {
	name := operation(request)
	d.open("wsdl:operation", "name", name)
	d.empty("soap:operation", "soapAction", Messages+"/"+name)
	d.open("wsdl:input")
	for _, h := range offered {
		d.empty("soap:header", "message", "m:"+name+"SoapIn", "part", h, "use", "literal")
	}
	d.empty("soap:body", "parts", "request", "use", "literal")
	d.close("wsdl:input")
	d.open("wsdl:output")
	d.empty("soap:body", "parts", name+"Result", "use", "literal")
	d.empty("soap:header", "message", "m:"+name+"SoapOut", "part", versionInfo, "use", "literal")
	d.close("wsdl:output", "wsdl:operation")
}
