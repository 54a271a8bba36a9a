/* The tables and programs in bcc's spelling; offsets, and which programs there are, come as macros from by_bcc.py. */
BPF_HASH(counts, struct key, struct value, COUNTERS);
BPF_HASH(watched, u32, u8, ADDRESSES);
BPF_HASH(spaces, u32, u8, SPACES);
BPF_ARRAY(missed, u64, 1);

#define PROGRAM(tracepoint, name) RAW_TRACEPOINT_PROBE(tracepoint)

static inline u8 *role_at(u32 *address) { return watched.lookup(address); }
static inline u8 *space_at(u32 *inode) { return spaces.lookup(inode); }
static inline struct value *counter_at(struct key *key) { return counts.lookup(key); }
static inline void add_counter(struct key *key, struct value *fresh) { counts.insert(key, fresh); }
static inline u64 *missed_at(int *number) { return missed.lookup(number); }
