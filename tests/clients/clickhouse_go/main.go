// One of the clients of tests/integration/test_other_clickhouse_clients.py: clickhouse-go over HTTP. It reads requests
// from its standard input, a JSON object a line, and answers each with a line.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
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
	Settings    map[string]any
}

type reply struct {
	Error string   `json:"error,omitempty"`
	Names []string `json:"names,omitempty"`
	Rows  [][]any  `json:"rows"`
}

var methods = map[string]clickhouse.CompressionMethod{
	"lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD, "gzip": clickhouse.CompressionGZIP,
}

var connections = map[string]driver.Conn{}

func connect(asked request) (driver.Conn, error) {
	key, _ := json.Marshal([]any{asked.Address, asked.User, asked.Database, asked.Compression, asked.Settings})
	if known, ok := connections[string(key)]; ok {
		return known, nil
	}
	options := &clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{asked.Address},
		Auth:     clickhouse.Auth{Database: asked.Database, Username: asked.User, Password: asked.Password},
		Settings: clickhouse.Settings(asked.Settings),
	}
	if asked.Compression != "" {
		options.Compression = &clickhouse.Compression{Method: methods[asked.Compression], Level: 3}
	}
	opened, err := clickhouse.Open(options)
	if err == nil {
		connections[string(key)] = opened
	}
	return opened, err
}

func answer(asked request) (reply, error) {
	ctx := context.Background()
	connection, err := connect(asked)
	if err != nil {
		return reply{}, err
	}
	switch asked.Op {
	case "command":
		return reply{}, connection.Exec(ctx, asked.Sql)
	case "rows":
		return rows(ctx, connection, asked.Sql)
	case "count": // of a result that is read to its end, and not kept
		return count(ctx, connection, asked.Sql)
	case "insert":
		return reply{}, insert(ctx, connection, asked)
	case "copy": // what a query answers, into a table: values pass as this client's own types
		return reply{}, duplicate(ctx, connection, asked)
	}
	return reply{}, fmt.Errorf("unknown request %q", asked.Op)
}

// scanned reads the current row into values of the columns' own types.
func scanned(from driver.Rows) ([]any, error) {
	types := from.ColumnTypes()
	targets := make([]any, len(types))
	for i, kind := range types {
		targets[i] = reflect.New(kind.ScanType()).Interface()
	}
	if err := from.Scan(targets...); err != nil {
		return nil, err
	}
	for i := range targets {
		targets[i] = reflect.ValueOf(targets[i]).Elem().Interface()
	}
	return targets, nil
}

func rows(ctx context.Context, connection driver.Conn, sql string) (reply, error) {
	found := reply{Rows: [][]any{}}
	from, err := connection.Query(ctx, sql)
	if err != nil {
		return found, err
	}
	defer from.Close()
	for from.Next() {
		row, err := scanned(from)
		if err != nil {
			return found, err
		}
		found.Rows = append(found.Rows, row)
	}
	found.Names = from.Columns()
	return found, from.Err()
}

func count(ctx context.Context, connection driver.Conn, sql string) (reply, error) {
	from, err := connection.Query(ctx, sql)
	if err != nil {
		return reply{}, err
	}
	defer from.Close()
	number := 0
	for from.Next() {
		number++
	}
	return reply{Rows: [][]any{{number}}}, from.Err()
}

func insert(ctx context.Context, connection driver.Conn, asked request) error {
	batch, err := connection.PrepareBatch(ctx, "INSERT INTO "+asked.Table)
	if err != nil {
		return err
	}
	for _, row := range asked.Rows {
		for i, value := range row {
			row[i] = plain(value)
		}
		if err := batch.Append(row...); err != nil {
			return err
		}
	}
	return batch.Send()
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

func duplicate(ctx context.Context, connection driver.Conn, asked request) error {
	from, err := connection.Query(ctx, asked.Sql)
	if err != nil {
		return err
	}
	defer from.Close()
	batch, err := connection.PrepareBatch(ctx, "INSERT INTO "+asked.Table)
	if err != nil {
		return err
	}
	for from.Next() {
		row, err := scanned(from)
		if err != nil {
			return err
		}
		if err := batch.Append(row...); err != nil {
			return err
		}
	}
	if err := from.Err(); err != nil {
		return err
	}
	return batch.Send()
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
