// One of the clients of tests/integration/sidecar/embedded/test_other_clients.py: @clickhouse/client. It reads requests from its
// standard input, a JSON object a line, and answers each with a line.
import { createInterface } from 'node:readline'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'

const clients = new Map()

function connect(asked) {
  const key = JSON.stringify([asked.address, asked.user, asked.database, asked.compression])
  if (!clients.has(key)) {
    clients.set(
      key,
      createClient({
        url: `http://${asked.address}`,
        username: asked.user,
        password: asked.password,
        database: asked.database,
        compression: asked.compression,
        log: { level: ClickHouseLogLevel.OFF },
      }),
    )
  }
  return clients.get(key)
}

async function each(client, sql, settings, use) {
  const result = await client.query({ query: sql, format: 'JSONCompactEachRow', clickhouse_settings: settings })
  for await (const rows of result.stream()) {
    for (const row of rows) use(row.json())
  }
}

async function answer(asked) {
  const client = connect(asked)
  const rows = []
  switch (asked.op) {
    case 'command':
      await client.command({ query: asked.sql })
      break
    case 'rows':
      await each(client, asked.sql, { output_format_json_quote_64bit_integers: 0 }, (row) => rows.push(row))
      break
    case 'count': {
      // of a result that is read to its end, and not kept
      let number = 0
      await each(client, asked.sql, {}, () => number++)
      rows.push([number])
      break
    }
    case 'insert':
      await client.insert({ table: asked.table, values: asked.rows, format: 'JSONCompactEachRow' })
      break
    case 'copy': {
      // what a query answers, into a table: values pass as this client's own types
      await each(client, asked.sql, { output_format_json_quote_64bit_integers: 1, output_format_json_quote_decimals: 1 }, (row) => rows.push(row))
      await client.insert({ table: asked.table, values: rows.splice(0), format: 'JSONCompactEachRow' })
      break
    }
    default:
      throw new Error(`unknown request ${asked.op}`)
  }
  return { rows }
}

for await (const line of createInterface({ input: process.stdin })) {
  let said
  try {
    said = await answer(JSON.parse(line))
  } catch (error) {
    said = { error: `${error.type ?? ''} ${error.message}` }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
for (const client of clients.values()) await client.close()
