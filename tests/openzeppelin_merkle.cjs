// Reads {cases: [{encoding, values, sets}]} from standard input and answers with what @openzeppelin/merkle-tree makes of
// each: dump, root, every proof, and a multiproof of each set of indices.
const { StandardMerkleTree } = require("@openzeppelin/merkle-tree");

const { cases, dumps } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const built = cases.map(({ encoding, values, sets }) => {
  const tree = StandardMerkleTree.of(values, encoding);
  return {
    root: tree.root,
    dump: tree.dump(),
    proofs: values.map((_, index) => tree.getProof(index)),
    multiproofs: sets.map((set) => tree.getMultiProof(set)),
  };
});
const loaded = dumps.map((dump) => StandardMerkleTree.load(JSON.parse(dump)).root);
process.stdout.write(JSON.stringify({ built, loaded }));
