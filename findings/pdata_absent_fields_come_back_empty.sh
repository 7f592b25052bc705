#!/usr/bin/env bash
# OpenTelemetry Collector, pdata: a log record that is decoded and encoded again is longer, and has fields it had not.
#
# OTLP's protobuf tells an absent body from an empty one. pdata doesn't: what it encodes always has body, trace_id and span_id
# in a log record, a value in an attribute, and a resource and a scope in their parents. An empty record of 2 bytes
# becomes one of 8, an empty attribute of 2 bytes one of 4. Whoever limits requests at the receiver to what a batch of the
# exporter may have (max_request_body_size equal to sending_queue::batch::max_size) takes requests that no batch can
# hold; and HasField("body") of the official classes is false before a collector and true behind it.
#
# Version: go.opentelemetry.io/collector/pdata v1.67.0 (v1.71.0 does the same), from the Go module proxy.
# Source: pdata/internal/generated_proto_logrecord.go.
# Output seen:
#   1000 empty records: 2006 bytes became 8010
#   1 record with 1000 empty attributes: 2009 bytes became 4019
#   1 empty record became 0a0e120a120652004a002a000a000a00
# Needs Go 1.26 or newer on PATH. Ends with 1 when the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > main.go <<'GO'
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"

	"go.opentelemetry.io/collector/pdata/plog"
)

func field(number byte, content []byte) []byte {
	return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(content))), content...)
}

func request(records []byte) []byte { return field(1, field(2, records)) }

func again(body []byte) []byte {
	logs, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(body)
	if err != nil {
		panic(err)
	}
	encoded, err := (&plog.ProtoMarshaler{}).MarshalLogs(logs)
	if err != nil {
		panic(err)
	}
	return encoded
}

func main() {
	records := request(bytes.Repeat(field(2, nil), 1000))
	attributes := request(field(2, bytes.Repeat(field(6, nil), 1000)))
	fmt.Printf("1000 empty records: %d bytes became %d\n", len(records), len(again(records)))
	fmt.Printf("1 record with 1000 empty attributes: %d bytes became %d\n", len(attributes), len(again(attributes)))
	fmt.Printf("1 empty record became %x\n", again(request(field(2, nil))))
	if len(again(records)) < 8000 || len(again(attributes)) < 4000 {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >log 2>&1
go get go.opentelemetry.io/collector/pdata/plog@v1.67.0 >>log 2>&1 || { cat log; exit 2; }
go run .
