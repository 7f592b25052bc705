// One of the clients of tests/integration/sidecar/embedded/test_other_clients.py: the JDBC driver. It reads requests from its
// standard input, a JSON object a line, and answers each with a line.
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

public class Client {
    private static final Map<String, Connection> CONNECTIONS = new HashMap<>();

    interface Row {
        void use(Object[] values) throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        Gson gson = new GsonBuilder().disableHtmlEscaping().create();
        for (String line; (line = input.readLine()) != null; ) {
            JsonObject said = new JsonObject();
            try {
                said = answer(gson.fromJson(line, JsonObject.class));
            } catch (Exception error) {
                StringBuilder chain = new StringBuilder();
                for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                    chain.append(cause.getMessage()).append("; ");
                }
                said.addProperty("error", chain.toString());
            }
            output.println(gson.toJson(said));
        }
    }

    private static Connection connection(JsonObject asked) throws SQLException {
        String key = asked.get("address") + "|" + asked.get("user") + "|" + asked.get("database") + "|" + asked.get("properties");
        Connection known = CONNECTIONS.get(key);
        if (known == null) {
            Properties properties = new Properties();
            properties.setProperty("user", asked.get("user").getAsString());
            properties.setProperty("password", asked.get("password").getAsString());
            for (Map.Entry<String, JsonElement> entry : asked.getAsJsonObject("properties").entrySet()) {
                properties.setProperty(entry.getKey(), entry.getValue().getAsString());
            }
            String address = "jdbc:clickhouse://" + asked.get("address").getAsString() + "/" + asked.get("database").getAsString();
            known = DriverManager.getConnection(address, properties);
            CONNECTIONS.put(key, known);
        }
        return known;
    }

    private static JsonObject answer(JsonObject asked) throws Exception {
        Connection connection = connection(asked);
        JsonObject said = new JsonObject();
        JsonArray rows = new JsonArray();
        said.add("rows", rows);
        switch (asked.get("op").getAsString()) {
            case "command":
                try (Statement statement = connection.createStatement()) {
                    statement.execute(asked.get("sql").getAsString());
                }
                break;
            case "rows":
                each(connection, asked.get("sql").getAsString(), values -> {
                    JsonArray row = new JsonArray();
                    for (Object value : values) {
                        row.add(json(value));
                    }
                    rows.add(row);
                });
                break;
            case "count": // of a result that is read to its end, and not kept
                int[] number = {0};
                each(connection, asked.get("sql").getAsString(), values -> number[0]++);
                JsonArray row = new JsonArray();
                row.add(number[0]);
                rows.add(row);
                break;
            case "insert":
                try (PreparedStatement batch = prepare(connection, asked)) {
                    for (JsonElement given : asked.getAsJsonArray("rows")) {
                        int at = 1;
                        for (JsonElement value : given.getAsJsonArray()) {
                            batch.setObject(at++, plain(value, connection));
                        }
                        batch.addBatch();
                    }
                    batch.executeBatch();
                }
                break;
            case "copy": // what a query answers, into a table: values pass as this client's own types
                try (PreparedStatement batch = prepare(connection, asked)) {
                    each(connection, asked.get("sql").getAsString(), values -> {
                        for (int i = 0; i < values.length; i++) {
                            batch.setObject(i + 1, values[i]);
                        }
                        batch.addBatch();
                    });
                    batch.executeBatch();
                }
                break;
            default:
                throw new IllegalArgumentException("unknown request " + asked.get("op"));
        }
        return said;
    }

    private static void each(Connection connection, String sql, Row use) throws Exception {
        try (Statement statement = connection.createStatement(); ResultSet from = statement.executeQuery(sql)) {
            int count = from.getMetaData().getColumnCount();
            while (from.next()) {
                Object[] values = new Object[count];
                for (int i = 0; i < count; i++) {
                    values[i] = from.getObject(i + 1);
                }
                use.use(values);
            }
        }
    }

    private static PreparedStatement prepare(Connection connection, JsonObject asked) throws SQLException {
        int columns = asked.get("columns").getAsInt();
        String marks = String.join(", ", Collections.nCopies(columns, "?"));
        return connection.prepareStatement("INSERT INTO " + asked.get("table").getAsString() + " VALUES (" + marks + ")");
    }

    private static Object plain(JsonElement value, Connection connection) throws SQLException {
        if (value.isJsonArray()) {
            Object[] texts = new Object[value.getAsJsonArray().size()];
            for (int i = 0; i < texts.length; i++) {
                texts[i] = value.getAsJsonArray().get(i).getAsString();
            }
            return connection.createArrayOf("String", texts);
        }
        return value.getAsJsonPrimitive().isNumber() ? (Object) value.getAsLong() : value.getAsString();
    }

    private static JsonElement json(Object value) throws SQLException {
        Gson gson = new Gson();
        if (value instanceof java.sql.Array) {
            return gson.toJsonTree(((java.sql.Array) value).getArray());
        }
        return value instanceof Number || value == null ? gson.toJsonTree(value) : gson.toJsonTree(value.toString());
    }
}
