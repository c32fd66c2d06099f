// The notice: what a visitor of a blocked name is shown. Requests and values in, documents out; no I/O, no clock.
//
// A name blocked by a decision gets 451 (RFC 7725) with who decided, under which rule, why, since when, until when,
// where the decision can be read and how to appeal; a name that nothing blocks gets an honest 404, and what is no
// host name 400. HTML for people, JSON and plain text for machines, each in the visitor's language.
// Invariants: no byte of the request reaches a document unescaped; no script, cookie or third party is ever named;
// a sealed or delayed decision shows that it exists, how to appeal, and nothing else.
// What it does not do: look anything up. The caller reads the host with parse_notice_host, asks the index and the
// store about it, and passes on what they said.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/public/notice_catalogue.hpp"
#include "policy/public/notice_request.hpp"
#include "policy/record/decision.hpp"

namespace placard::policy {

/// Who runs this resolver, from the configuration.
struct NoticeOperator {
  std::string name;     ///< as visitors read it; may be empty
  std::string contact;  ///< "https://..." or "mailto:..." of those who enforce the block (RFC 7725 4); may be empty
};

/// What is known of the block of one name, copied from the index and the store.
struct NoticeFacts {
  Decision decision;
  Authority authority;        ///< of decision.authority
  Rule rule;                  ///< the one that matched; its id, name and match are shown
  Time recorded_at = 0;       ///< when the decision entered the record; 0 when not known
  std::vector<Event> events;  ///< what others did about this name, oldest first; the last kMaxNoticeEvents are shown
  /// Set when the decision holds no more (lifted, expired, annulled): the page is then a 404 that says so. Clients get
  /// here for as long as they keep the last answer.
  std::optional<Time> ended_at;
};

inline constexpr std::size_t kMaxNoticeEvents = 50;

struct NoticeDocument {
  int status = 200;  ///< 451, 404, 400 or 405
  std::vector<std::pair<std::string, std::string>>
      headers;       ///< Content-Type among them; Content-Length is the server's
  std::string body;  ///< UTF-8; also for HEAD, where the server leaves it out
};

/// True when `contact` may stand in a Link header and in href: https:, http: or mailto:, of printable ASCII without
/// quotes, brackets and spaces. Options are checked with it.
bool is_public_link(std::string_view contact);

/// The answer to one request. `facts` is null when nothing blocks the host, and ignored when the host is not a name.
/// Takes any bytes in `request`; never fails.
NoticeDocument render_notice(const NoticeRequest& request, const NoticeFacts* facts, const NoticeOperator& by,
                             const NoticeCatalogues& catalogues);

}  // namespace placard::policy
