#!/usr/bin/env bash
# clickhouse-go 2.51.0 (2.43.0 does the same): a context's deadline replaces the query's own max_execution_time, by five
# seconds more than the deadline.
#
# The driver turns the time that is left into the setting max_execution_time, int(seconds + 5), and writes it over what
# the connection or WithSettings asked for: a program that limits a query to 10 s inside a request that may take 60 s
# asks the server for 64. A user whose profile allows 30 s at most then gets error 452 for a caller that waits 30 s,
# though both have the same limit: Grafana's data source gives each query such a deadline, and every panel is refused.
# The server here is a few lines that note what is asked.
#
# Source: queryOptions in context.go, which says that the setting "is appended".
# Met under Grafana's panels: sidecar/embedded/config.py and sidecar/clickhouse-server/users.xml allow five seconds
# more.
#
# Output seen (the deadline is 60 s away when the query begins, so 59 and some):
#   no deadline, nothing set:  max_execution_time=""
#   no deadline, set to 10:    max_execution_time="10"
#   deadline 60 s:             max_execution_time="64"
#   deadline 60 s, set to 10:  max_execution_time="64"
# Needs Go 1.26 or newer on PATH. Ends with 1 when the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func main() {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		asked = request.URL.Query().Get("max_execution_time")
		answer.WriteHeader(http.StatusServiceUnavailable) // the request is all that matters
	}))
	defer server.Close()
	ask := func(deadline bool, set int) string {
		ctx := context.Background()
		if deadline {
			limited, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			ctx = limited
		}
		if set != 0 {
			ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": set}))
		}
		database := clickhouse.OpenDB(&clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{server.Listener.Addr().String()}})
		defer database.Close()
		asked = "not asked"
		_, _ = database.ExecContext(ctx, "SELECT 1")
		return asked
	}
	seen := []string{ask(false, 0), ask(false, 10), ask(true, 0), ask(true, 10)}
	names := []string{
		"no deadline, nothing set: ", "no deadline, set to 10:   ", "deadline 60 s:            ", "deadline 60 s, set to 10: ",
	}
	for i, name := range names {
		fmt.Printf("%s max_execution_time=%q\n", name, seen[i])
	}
	asMuch := func(limit string) bool { return len(limit) == 2 && limit > "60" && limit <= "65" }
	if seen[0] != "" || seen[1] != "10" || !asMuch(seen[2]) || !asMuch(seen[3]) {
		fmt.Println("the behaviour has changed")
		os.Exit(1)
	}
}
GO
go mod init finding >log 2>&1
go get github.com/ClickHouse/clickhouse-go/v2@v2.51.0 >>log 2>&1 || { cat log; exit 2; }
go run .
