// Documents as people and programs read them.
#include <catch2/catch.hpp>

#include "policy/public/table.hpp"

namespace placard::policy::test {

namespace {

Document sample() {
  return {{Note{"One rule matched."},
           Fields{"",
                  "",
                  {{"name", "Name", std::string("kiwifarms.net")},
                   {"ttl", "TTL", std::int64_t{60}},
                   {"client", "Client", {}}}},
           Table{"rules",
                 "Rules",
                 {{"rule", "Rule"}, {"action", "Action"}, {"shadow", "Shadow"}},
                 {{std::int64_t{7}, std::string("sinkhole"), false}, {std::int64_t{12}, std::string(""), true}},
                 "none"}}};
}

}  // namespace

TEST_CASE("a document is aligned for people") {
  CHECK(to_text(sample(), 80) ==
        "One rule matched.\n"
        "\n"
        "Name    kiwifarms.net\n"
        "TTL     60\n"
        "Client  -\n"
        "\n"
        "Rules\n"
        "Rule  Action    Shadow\n"
        "────  ────────  ──────\n"
        "   7  sinkhole  no\n"
        "  12  -         yes\n");
}

TEST_CASE("a document is one JSON object for programs") {
  CHECK(to_json(sample()) ==
        R"({"name":"kiwifarms.net","ttl":60,"client":null,)"
        R"("rules":[{"rule":7,"action":"sinkhole","shadow":false},{"rule":12,"action":"","shadow":true}]})"
        "\n");
  Document nested{{Fields{"answer", "", {{"rcode", "", std::string("NOERROR")}, {"", "For people", true}}}}};
  CHECK(to_json(nested) == "{\"answer\":{\"rcode\":\"NOERROR\"}}\n");
  CHECK(to_json({}) == "{}\n");
}

TEST_CASE("empty tables say so to people and are empty arrays for programs") {
  const Document document{{Table{"rules", "Rules", {{"a", "A"}}, {}, "No rule matches."}}};
  CHECK(to_text(document, 80) == "Rules\nNo rule matches.\n");
  CHECK(to_json(document) == "{\"rules\":[]}\n");
}

TEST_CASE("text is wrapped to the width at spaces, and inside of words that are too long") {
  using Lines = std::vector<std::string>;
  CHECK(wrap_text("", 10) == Lines{""});
  CHECK(wrap_text("one two three", 7) == Lines{"one two", "three"});
  CHECK(wrap_text("one two three", 0) == Lines{"one two three"});
  CHECK(wrap_text("abcdefghij", 4) == Lines{"abcd", "efgh", "ij"});
  CHECK(wrap_text("x abcdefghij", 4) == Lines{"x", "abcd", "efgh", "ij"});
  CHECK(wrap_text("a\nb\n", 10) == Lines{"a", "b", ""});
}

TEST_CASE("columns are wrapped when the terminal is narrow, and no line is longer") {
  Table table{"t", "", {{"id", "Id"}, {"reason", "Reason"}, {"source", "Source"}}, {}, ""};
  table.rows.push_back({std::int64_t{1}, std::string("an unprecedented emergency and immediate threat to human life"),
                        std::string("company blog, statement of the chief executive")});
  for (const std::size_t width : {40U, 57U, 80U, 100U}) {
    const auto text = to_text(Document{{table}}, width);
    std::size_t start = 0;
    while (start < text.size()) {
      const auto end = text.find('\n', start);
      CHECK(display_width(std::string_view(text).substr(start, end - start)) <= width);
      start = end + 1;
    }
    CHECK(text.find("Id  Reason") == 0);
  }
}

TEST_CASE("a table too wide for any column width is shown row by row") {
  Table table{"t", "", {}, {{}}, ""};
  for (int i = 0; i < 8; ++i) {
    table.columns.push_back({"c" + std::to_string(i), "Column " + std::to_string(i)});
    table.rows[0].push_back(std::string("a value of some length"));
  }
  const auto text = to_text(Document{{table}}, 60);
  CHECK(text.find("Column 0  a value of some length\nColumn 1  a value") == 0);
}

TEST_CASE("words are not broken while another column can give way, and columns without a label are for programs") {
  Table table{"t", "", {{"when", "When"}, {"id", ""}, {"text", "Text"}}, {}, ""};
  table.rows.push_back({std::string("2025-10-09T08:53:20Z"), std::int64_t{7},
                        std::string("a rather long text that must be wrapped here")});
  CHECK(to_text(Document{{table}}, 40) ==
        "When                  Text\n"
        "────────────────────  ──────────────────\n"
        "2025-10-09T08:53:20Z  a rather long text\n"
        "                      that must be\n"
        "                      wrapped here\n");
  CHECK(to_json_lines(table).find("\"id\":7") != std::string::npos);
}

TEST_CASE("widths count what a terminal shows") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("Zürich") == 6);
  CHECK(display_width("e\u0301") == 1);
  CHECK(display_width("决定") == 4);
  CHECK(display_width("Решение") == 7);
  CHECK(display_width("\xff\xfe") == 2);
  const auto text =
      to_text(Document{{Table{"t",
                              "",
                              {{"a", "A"}, {"b", "B"}},
                              {{std::string("决定"), std::string("x")}, {std::string("abcd"), std::string("y")}},
                              ""}}},
              80);
  CHECK(text.find("决定  x\nabcd  y\n") != std::string::npos);
}

TEST_CASE("nothing that a terminal would obey gets through") {
  const std::string hostile = "a\x1b[2Jb\x07 c\r\u202Ed\u0085 \xC3";
  const auto text = to_text(Document{{Fields{"", "", {{"k", "K", hostile}}}}}, 80);
  CHECK(text == "K  a\uFFFD[2Jb\uFFFD cd\uFFFD \uFFFD\n");
  CHECK(json_string(hostile) == "\"a\\u001b[2Jb\\u0007 c\\u000d\u202Ed\\u0085 \uFFFD\"");
  CHECK(json_string("\"\\\n") == "\"\\\"\\\\\\n\"");
  CHECK(json_string("\xC0\x80 \xED\xA0\x80 \xF5") == "\"\uFFFD\uFFFD \uFFFD\uFFFD\uFFFD \uFFFD\"");
}

TEST_CASE("CSV and JSON lines keep every cell") {
  const Table table{"t",
                    "",
                    {{"id", ""}, {"text", ""}, {"none", ""}},
                    {{std::int64_t{1}, std::string("a, \"b\"\nc"), {}}, {std::int64_t{-2}, std::string("d"), true}},
                    ""};
  CHECK(to_csv(table) == "id,text,none\r\n1,\"a, \"\"b\"\"\nc\",\r\n-2,d,true\r\n");
  CHECK(to_json_lines(table) ==
        "{\"id\":1,\"text\":\"a, \\\"b\\\"\\nc\",\"none\":null}\n{\"id\":-2,\"text\":\"d\",\"none\":true}\n");
}

}  // namespace placard::policy::test
