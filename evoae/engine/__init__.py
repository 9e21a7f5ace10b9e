"""The search, from a configuration to a finished run.

In the order of the data's way:

- `session`: `search` and `resume`. It makes the run folder, the executor and the loop, and says
  what follows when the loop has ended. `retrying` goes back to failed trainings before a resume,
  `replay` trains one recorded candidate again.
- `problem`: what the configuration determines before any training: data, space, tasks.
  `seed_genomes`: the networks that a search begins with.
- `loop`: asks, trains and tells until target or budget. It ties together three classes that know
  nothing of executors: `proposer` (what is proposed next), `ledger` (what it costs, and whether
  the budget pays) and `recorder` (what is recorded in the run folder).
- `budget`: the account behind the ledger, and where a budget ended the search.
- `progress`: where the search stands, and the interface of whoever hears it; `console` writes it
  to a terminal, `signals` turns Ctrl-C into a clean stop.
- `restoring` and `baselines`: what is trained after the loop: models that are missing, and
  networks to compare with.
- `zoo`: good networks that were found before.
"""
