// The ten languages are complete, and a catalogue with a hole in it stops the start.
#include "policy/public/notice_catalogue.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <vector>

#include "tests/policy/public/notice_fixture.hpp"

namespace placard::policy {
namespace {

using test::catalogues;

/// The embedded files with one of them changed by `change`.
template <class Change>
std::expected<NoticeCatalogues, std::string> load_changed(std::string_view name, Change change) {
  std::vector<EmbeddedFile> files(embedded_notice().begin(), embedded_notice().end());
  std::string changed;
  for (auto& file : files) {
    if (file.name != name) continue;
    changed = change(std::string(file.contents));
    file.contents = changed;
  }
  return NoticeCatalogues::load(files);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("ten languages have every text, none of them empty or left in English") {
  const std::set<std::string> tags(catalogues().tags().begin(), catalogues().tags().end());
  CHECK(tags == std::set<std::string>{"ar", "de", "en", "es", "fr", "hi", "pt", "ru", "sw", "zh"});
  CHECK(catalogues().tags()[0] == "en");
  std::set<std::string> own_names;
  for (std::size_t i = 0; i < catalogues().size(); ++i) {
    const auto& words = catalogues()[i];
    CAPTURE(words.tag());
    own_names.emplace(words("language"));
    CHECK(words.right_to_left() == (words.tag() == "ar"));
    for (const NoticeText text : {NoticeText("blocked.lead"), NoticeText("open.text"), NoticeText("page.privacy"),
                                  NoticeText("blocked.redress")}) {
      CHECK(words(text).find_first_not_of(' ') != std::string_view::npos);
      if (i != 0) CHECK(words(text) != catalogues()[0](text));
    }
  }
  CHECK(own_names.size() == 10);
}

TEST_CASE("dates are written out in the visitor's language") {
  const Time time = 1'662'208'200;  // 2022-09-03T12:30:00Z
  const auto in = [&](std::string_view tag) -> const NoticeCatalogue& {
    for (std::size_t i = 0; i < catalogues().size(); ++i) {
      if (catalogues()[i].tag() == tag) return catalogues()[i];
    }
    throw std::out_of_range("no such language");
  };
  CHECK(in("en").moment(time) == "3 September 2022, 12:30 UTC");
  CHECK(in("de").date(time) == "3. September 2022");
  CHECK(in("es").date(time) == "3 de septiembre de 2022");
  CHECK(in("zh").date(time) == "2022年9月3日");
  CHECK(in("ru").date(time) == "3 сентября 2022 г.");
  CHECK(in("ar").date(time) == "3 سبتمبر 2022");
  CHECK(in("fr").date(1'661'990'400) == "1er septembre 2022");
  CHECK(in("en").date(-1) == "31 December 1969");
  CHECK(in("en").date(kNever) == "31 December 9999");
  CHECK(in("en").date(std::numeric_limits<Time>::min()) == "1 January 0");
}

TEST_CASE("a catalogue with a hole, a surplus or a wrong place is an error that says where") {
  const auto missing =
      load_changed("fr.toml", [](std::string text) { return replaced(text, "reasons = \"Pourquoi\"\n", ""); });
  REQUIRE_FALSE(missing);
  CHECK(missing.error() == "fr.toml: the text \"blocked.reasons\" is missing");

  const auto empty = load_changed("fr.toml", [](std::string text) { return replaced(text, "\"Pourquoi\"", "\"\""); });
  REQUIRE_FALSE(empty);
  CHECK(empty.error() == "fr.toml: the text \"blocked.reasons\" is empty");

  const auto number = load_changed("fr.toml", [](std::string text) { return replaced(text, "\"Pourquoi\"", "5"); });
  REQUIRE_FALSE(number);
  CHECK(number.error() == "fr.toml: the text \"blocked.reasons\" is empty");

  const auto extra = load_changed("fr.toml", [](std::string text) { return text + "surplus = \"x\"\n"; });
  REQUIRE_FALSE(extra);
  CHECK(extra.error() == "fr.toml: nothing uses the text \"method.surplus\"");

  const auto thirteen =
      load_changed("fr.toml", [](std::string text) { return replaced(text, "\"décembre\"]", "\"décembre\", \"x\"]"); });
  REQUIRE_FALSE(thirteen);
  CHECK(thirteen.error() == "fr.toml: nothing uses the text \"date.months.12\"");

  const auto place =
      load_changed("fr.toml", [](std::string text) { return replaced(text, "{name} est bloqué", "{nom} est bloqué"); });
  REQUIRE_FALSE(place);
  CHECK(place.error() == "fr.toml: the text \"blocked.title\" has other {places} than in en.toml");

  const auto broken = load_changed("fr.toml", [](std::string text) { return replaced(text, "[page]", "[page"); });
  REQUIRE_FALSE(broken);
  CHECK(broken.error().starts_with("fr.toml:11: "));

  const auto direction = load_changed("fr.toml", [](std::string text) { return replaced(text, "\"ltr\"", "\"up\""); });
  REQUIRE_FALSE(direction);

  const auto style = load_changed("notice.css", [](std::string text) { return text + "</style><script>"; });
  REQUIRE_FALSE(style);
  CHECK_FALSE(NoticeCatalogues::load({}));
}

TEST_CASE("places are filled once, and values are not patterns") {
  CHECK(fill_places("{a} and {b}", {{"a", "{b}"}, {"b", "2"}}) == "{b} and 2");
  CHECK(fill_places("{unknown} {", {{"a", "1"}}) == "{unknown} {");
  CHECK(fill_places("", {}).empty());
}

}  // namespace
}  // namespace placard::policy
