// One of the clients of tests/integration/sidecar/embedded/test_other_clients.py: clickhouse-go over HTTP. It reads requests
// from its standard input, a JSON object a line, and answers each with a line.
package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

type request struct {
	Op          string
	Address     string
	User        string
	Password    string
	Database    string
	Compression string // of this client: "", lz4, zstd, gzip, …
	Sql         string
	Table       string
	Rows        [][]any
	Deadline    int // of the caller, in seconds; 0 for none
}

type reply struct {
	Error string   `json:"error,omitempty"`
	Names []string `json:"names,omitempty"`
	Types []string `json:"types,omitempty"`
	Rows  [][]any  `json:"rows"`
}

var methods = map[string]clickhouse.CompressionMethod{
	"lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD, "gzip": clickhouse.CompressionGZIP,
}

var connections = map[string]*sql.DB{}

// connect uses database/sql, as Grafana's data source does: versions before 2.33 know HTTP by no other interface.
func connect(asked request) *sql.DB {
	key, _ := json.Marshal([]any{asked.Address, asked.User, asked.Database, asked.Compression})
	if known, ok := connections[string(key)]; ok {
		return known
	}
	options := &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{asked.Address},
		Auth:     clickhouse.Auth{Database: asked.Database, Username: asked.User, Password: asked.Password},
	}
	if asked.Compression != "" {
		options.Compression = &clickhouse.Compression{Method: methods[asked.Compression], Level: 3}
	}
	connections[string(key)] = clickhouse.OpenDB(options)
	return connections[string(key)]
}

func answer(asked request) (reply, error) {
	database := connect(asked)
	ctx := context.Background()
	if asked.Deadline > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(asked.Deadline)*time.Second)
		defer cancel()
		ctx = limited
	}
	switch asked.Op {
	case "ping":
		return reply{}, database.PingContext(ctx)
	case "command":
		_, err := database.ExecContext(ctx, asked.Sql)
		return reply{}, err
	case "rows":
		found := reply{Rows: [][]any{}}
		var err error
		found.Names, found.Types, err = each(ctx, database, asked.Sql, func(row []any) error {
			found.Rows = append(found.Rows, row)
			return nil
		})
		return found, err
	case "count": // of a result that is read to its end, and not kept
		number := 0
		_, _, err := each(ctx, database, asked.Sql, func([]any) error { number++; return nil })
		return reply{Rows: [][]any{{number}}}, err
	case "insert":
		return reply{}, insert(database, asked.Table, func(append func([]any) error) error {
			for _, row := range asked.Rows {
				for i, value := range row {
					row[i] = plain(value)
				}
				if err := append(row); err != nil {
					return err
				}
			}
			return nil
		})
	case "copy": // what a query answers, into a table: values pass as this client's own types
		return reply{}, insert(database, asked.Table, func(append func([]any) error) error {
			_, _, err := each(ctx, database, asked.Sql, append)
			return err
		})
	}
	return reply{}, fmt.Errorf("unknown request %q", asked.Op)
}

// each reads rows into values of the columns' own types.
func each(ctx context.Context, database *sql.DB, text string, use func([]any) error) (names []string, kinds []string, err error) {
	from, err := database.QueryContext(ctx, text)
	if err != nil {
		return nil, nil, err
	}
	defer from.Close()
	types, err := from.ColumnTypes()
	if err != nil {
		return nil, nil, err
	}
	for _, kind := range types {
		names = append(names, kind.Name())
		kinds = append(kinds, kind.DatabaseTypeName())
	}
	for from.Next() {
		row := make([]any, len(types))
		for i, kind := range types {
			row[i] = reflect.New(kind.ScanType()).Interface()
		}
		if err := from.Scan(row...); err != nil {
			return nil, nil, err
		}
		for i := range row {
			row[i] = reflect.ValueOf(row[i]).Elem().Interface()
		}
		if err := use(row); err != nil {
			return nil, nil, err
		}
	}
	return names, kinds, from.Err()
}

// insert sends one batch, which the driver gathers in a transaction.
func insert(database *sql.DB, table string, fill func(func([]any) error) error) error {
	batch, err := database.Begin()
	if err != nil {
		return err
	}
	defer batch.Rollback()
	statement, err := batch.Prepare("INSERT INTO " + table)
	if err != nil {
		return err
	}
	if err := fill(func(row []any) error { _, err := statement.Exec(row...); return err }); err != nil {
		return err
	}
	return batch.Commit()
}

// plain turns what JSON brings into what the driver takes for Int64, String and Array(String).
func plain(value any) any {
	switch given := value.(type) {
	case json.Number:
		number, _ := given.Int64()
		return number
	case []any:
		texts := make([]string, len(given))
		for i, text := range given {
			texts[i] = text.(string)
		}
		return texts
	}
	return value
}

func main() {
	input := bufio.NewReader(os.Stdin)
	output := json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			return
		}
		var asked request
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		if err := decoder.Decode(&asked); err != nil {
			panic(err)
		}
		said, err := answer(asked)
		if err != nil {
			said = reply{Error: err.Error()}
		}
		if err := output.Encode(said); err != nil {
			panic(err)
		}
	}
}
