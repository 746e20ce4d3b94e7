import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.SQLFeatureNotSupportedException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Does through JDBC what DataGrip does when it connects, reads the catalogs and opens a table, and prints what it got.
 *
 * <p>Usage: java -cp trino-jdbc.jar:. DataGripSession URL USER CATALOG SCHEMA TABLE ACTION [ARGUMENT]. An empty USER is one
 * that the URL names. One line for each fact, fields separated by tabs, the first one says what it is; {@code ms} lines
 * are wall time. Exit code 0 unless something failed that has to work.
 */
public final class DataGripSession {
  /** What the query of cancel() is known by to the server. */
  private static final String LONG_ONE = "query LIKE '%sqrt(x * y + z)%' AND query NOT LIKE '%system.runtime%'";

  private final Connection connection;
  private final String catalog;
  private final String schema;
  private final String table;

  private DataGripSession(Connection connection, String catalog, String schema, String table) {
    this.connection = connection;
    this.catalog = catalog;
    this.schema = schema;
    this.table = table;
  }

  private interface Query {
    ResultSet run() throws SQLException;
  }

  private interface Row {
    String text(ResultSet row) throws SQLException;
  }

  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    if (!arguments[1].isEmpty()) properties.setProperty("user", arguments[1]);
    long start = System.nanoTime();
    try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
      DataGripSession session = new DataGripSession(connection, arguments[2], arguments[3], arguments[4]);
      say("product", connection.getMetaData().getDatabaseProductName(), connection.getMetaData().getDatabaseProductVersion());
      say("ms", "connect", milliseconds(start));
      String argument = arguments.length > 6 ? arguments[6] : "";
      switch (arguments[5]) {
        case "introspect" -> session.introspect(argument.isEmpty() ? "VIEW" : argument);
        case "open" -> session.open();
        case "prepared" -> session.prepared(Long.parseLong(argument));
        case "between" -> session.between(arguments[6], arguments[7]);
        case "cancel" -> session.cancel();
        case "fetch" -> session.fetch(Integer.parseInt(argument));
        case "query" -> session.query("row", argument);
        default -> throw new IllegalArgumentException(arguments[5]);
      }
    }
  }

  /** The calls of DataGrip's introspection, in its order, of a VIEW or a TABLE. */
  private void introspect(String kind) throws SQLException {
    DatabaseMetaData data = connection.getMetaData();
    list("catalog", data::getCatalogs, row -> row.getString("TABLE_CAT"));
    list("schema", () -> data.getSchemas(catalog, null), row -> row.getString("TABLE_SCHEM"));
    list("table type", data::getTableTypes, row -> row.getString(1));
    list("table", () -> data.getTables(catalog, schema, "%", null),
        row -> join(row.getString("TABLE_NAME"), row.getString("TABLE_TYPE"), row.getString("REMARKS")));
    list("column", () -> data.getColumns(catalog, schema, table, "%"),
        row -> join(row.getString("COLUMN_NAME"), row.getString("TYPE_NAME"), row.getString("DATA_TYPE"),
            row.getString("COLUMN_SIZE"), row.getString("DECIMAL_DIGITS"), row.getString("NULLABLE"),
            row.getString("ORDINAL_POSITION")));
    list("primary key", () -> data.getPrimaryKeys(catalog, schema, table), row -> row.getString("COLUMN_NAME"));
    list("imported key", () -> data.getImportedKeys(catalog, schema, table), row -> row.getString("FKCOLUMN_NAME"));
    list("type", data::getTypeInfo, row -> row.getString("TYPE_NAME"));
    list("procedure", () -> data.getProcedures(catalog, schema, "%"), row -> row.getString("PROCEDURE_NAME"));
    list("index", () -> data.getIndexInfo(catalog, schema, table, false, true), row -> row.getString("INDEX_NAME"));
    list("privilege", () -> data.getTablePrivileges(catalog, schema, table), row -> row.getString("PRIVILEGE"));
    list("function", () -> data.getFunctions(catalog, schema, "%"), row -> row.getString("FUNCTION_NAME"));
    query("row", "SHOW CREATE " + kind + " " + name());
  }

  /** A double click on the table: its first page. */
  private void open() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setMaxRows(501);
      statement.setFetchSize(501);
      long start = System.nanoTime();
      try (ResultSet rows = statement.executeQuery("SELECT t.* FROM " + name() + " t LIMIT 501")) {
        ResultSetMetaData data = rows.getMetaData();
        for (int i = 1; i <= data.getColumnCount(); i++) {
          say("column", data.getColumnName(i), data.getColumnTypeName(i), data.getColumnClassName(i));
        }
        long count = 0;
        while (rows.next()) {
          for (int i = 1; i <= data.getColumnCount(); i++) rows.getObject(i);
          count++;
        }
        say("rows", Long.toString(count));
      }
      say("ms", "open", milliseconds(start));
    }
  }

  /** A statement with a parameter. */
  private void prepared(long seq) throws SQLException {
    String sql = "SELECT count(*), min(_seq), max(_seq) FROM " + name() + " WHERE _seq >= ? AND _subject LIKE ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      say("parameters", Integer.toString(statement.getParameterMetaData().getParameterCount()));
      statement.setLong(1, seq);
      statement.setString(2, "%");
      try (ResultSet rows = statement.executeQuery()) {
        print("row", rows);
      }
    }
  }

  /** Rows by their time, from a filter that a user typed in their own zone. */
  private void between(String from, String to) throws SQLException {
    String sql = "SELECT count(*), min(_seq), max(_seq) FROM " + name() + " WHERE _time >= ? AND _time < ?";
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.setTimestamp(1, Timestamp.from(java.time.Instant.parse(from)));
      statement.setTimestamp(2, Timestamp.from(java.time.Instant.parse(to)));
      try (ResultSet rows = statement.executeQuery()) {
        print("row", rows);
      }
    }
  }

  /** The stop button while a long query runs. */
  private void cancel() throws Exception {
    try (Statement statement = connection.createStatement()) {
      CountDownLatch started = new CountDownLatch(1);
      AtomicReference<String> outcome = new AtomicReference<>("finished");
      Thread runner = new Thread(() -> {
        // A million million pairs and more: it ends by being cancelled or not within any test's patience.
        String sql = "SELECT count(*) FROM UNNEST(sequence(1, 10000)) a(x) CROSS JOIN UNNEST(sequence(1, 10000)) b(y) "
            + "CROSS JOIN UNNEST(sequence(1, 10000)) c(z) CROSS JOIN " + name() + " WHERE sqrt(x * y + z) < 0";
        started.countDown();
        try (ResultSet rows = statement.executeQuery(sql)) {
          rows.next();
        } catch (SQLException error) {
          outcome.set("refused: " + error.getMessage());
        }
      });
      runner.setDaemon(true);
      runner.start();
      started.await();
      awaitRunning();
      long start = System.nanoTime();
      statement.cancel();
      runner.join(TimeUnit.SECONDS.toMillis(60));
      say("cancel", runner.isAlive() ? "still runs" : outcome.get());
      say("ms", "cancel", milliseconds(start));
    }
    query("on the server", "SELECT error_code FROM system.runtime.queries WHERE " + LONG_ONE);
  }

  /** Until the server lists the query of cancel() as running. */
  private void awaitRunning() throws Exception {
    String sql = "SELECT count(*) FROM system.runtime.queries WHERE state = 'RUNNING' AND " + LONG_ONE;
    for (int i = 0; i < 600; i++) {
      try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
        rows.next();
        if (rows.getLong(1) > 0) return;
      }
      Thread.sleep(100);
    }
    throw new IllegalStateException("the query never ran");
  }

  /** Every row, by pages: how many, and the sum of their sequences. */
  private void fetch(int size) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(size);
      long start = System.nanoTime();
      long count = 0;
      long sum = 0;
      try (ResultSet rows = statement.executeQuery("SELECT * FROM " + name())) {
        while (rows.next()) {
          sum += rows.getLong("_seq");
          count++;
        }
      }
      say("fetched", Long.toString(count), Long.toString(sum));
      say("ms", "fetch", milliseconds(start));
    }
  }

  private void query(String what, String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      print(what, rows);
    }
  }

  private static void print(String what, ResultSet rows) throws SQLException {
    int columns = rows.getMetaData().getColumnCount();
    while (rows.next()) {
      String[] fields = new String[columns + 1];
      fields[0] = what;
      for (int i = 1; i <= columns; i++) fields[i] = rows.getString(i);
      say(fields);
    }
  }

  private static void list(String what, Query query, Row row) throws SQLException {
    long start = System.nanoTime();
    try (ResultSet rows = query.run()) {
      while (rows.next()) say(what, row.text(rows));
    } catch (SQLFeatureNotSupportedException error) {
      say("not supported", what);
    } catch (SQLException error) {
      // The driver's own NotImplementedException, which its jar does not export.
      if (!String.valueOf(error.getMessage()).contains("not yet implemented")) throw error;
      say("not supported", what);
    }
    say("ms", what, milliseconds(start));
  }

  private String name() {
    return quoted(catalog) + "." + quoted(schema) + "." + quoted(table);
  }

  private static String quoted(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private static String milliseconds(long start) {
    return Long.toString(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start));
  }

  private static String join(String... fields) {
    return String.join("\t", java.util.Arrays.stream(fields).map(String::valueOf).toList());
  }

  private static void say(String... fields) {
    System.out.println(join(fields).replace("\n", "\\n"));
  }
}
