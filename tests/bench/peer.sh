# Placard as a peer of a side-by-side harness: sourced by it, with $ROLE (auth or resolver), $ADDR, $PORT, $THREADS, $G (zones,
# hints and, with $DNSSEC, the anchor of the workloads), $RPZ (a policy zone's text, or empty) and $RD (a folder of this
# peer's own) given, and launch() to start a program in the foreground.
# The program is $PLACARD. What is not set here is as shipped.
start() {
  mkdir -p "$RD/state"
  cat >"$RD/placard.toml" <<X
[server]
listen = ["$ADDR:$PORT"]
workers = $THREADS
state_directory = "$RD/state"
[access]
recursion = ["127.0.0.0/8"]
[notice]
listen = []
[metrics]
listen = []
X
  if [ "$ROLE" = auth ]; then
    printf '[recursion]\nenabled = false\n[[zone]]\nname = "bench.test."\nfile = "%s/auth.zone"\n' "$G" >>"$RD/placard.toml"
  else
    printf '[recursion]\nroot_hints = "%s/hints"\nipv6 = false\nquery_loopback = true\n[cache]\nsave = ""\nmemory = "1GiB"\nanswers_memory = "512MiB"\n' "$G" >>"$RD/placard.toml"
    if [ -n "$DNSSEC" ]; then
      printf '[dnssec]\ntrust_anchors_file = "%s/anchor.ds"\n' "$G" >>"$RD/placard.toml"
    else
      printf '[dnssec]\nvalidation = false\n' >>"$RD/placard.toml"
    fi
  fi
  if [ -n "$RPZ" ]; then
    printf '[[feed]]\nid = "bench"\nformat = "rpz"\npath = "%s"\nguards = "off"\nstate = "active"\n' "$RPZ" >>"$RD/placard.toml"
  fi
  launch "$PLACARD" serve --config "$RD/placard.toml"
}
