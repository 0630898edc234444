// Command tlog checks what the ledger writes with code that shares nothing with it: Go's own notes (golang.org/x/mod)
// and transparency-dev's checkpoints, proofs and trees. It answers questions, one JSON object a line, and must never
// repair what it is asked about.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/transparency-dev/formats/log"
	fnote "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/compact"
	mproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"
)

// limitBytes is the longest question taken: a whole small stream.
const limitBytes = 16 << 20

type question struct {
	Kind string `json:"kind"`
	// Vkey is the verifier key of the stream, Origin its name.
	Vkey   string `json:"vkey"`
	Origin string `json:"origin"`
	// Note is a checkpoint's, Earlier that of a smaller tree.
	Note    string `json:"note"`
	Earlier string `json:"earlier"`
	// Stream is the text of a segment, Proof that of a tlog-proof, Path the hashes of a consistency proof.
	Stream []byte   `json:"stream"`
	Proof  string   `json:"proof"`
	Path   [][]byte `json:"path"`
}

type answer struct {
	// Error says why not; empty means verified.
	Error string `json:"error"`
	Size  uint64 `json:"size,omitempty"`
	Index uint64 `json:"index,omitempty"`
	// Line is the line a tlog-proof proved.
	Line string `json:"line,omitempty"`
	// Note is what this side signed, under Vkey.
	Note string `json:"note,omitempty"`
	Vkey string `json:"vkey,omitempty"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, limitBytes)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var asked question
		var said answer
		err := json.Unmarshal(lines.Bytes(), &asked)
		if err == nil {
			said, err = answerTo(asked)
		}
		if err != nil {
			said = answer{Error: err.Error()}
		}
		if err := out.Encode(said); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func answerTo(asked question) (answer, error) {
	switch asked.Kind {
	case "stream":
		return verifyStream(asked)
	case "proof":
		return verifyProof(asked)
	case "consistency":
		return verifyConsistency(asked)
	case "cosign":
		return cosign(asked)
	}
	return answer{}, fmt.Errorf("unknown kind %q", asked.Kind)
}

func openCheckpoint(asked question, text string) (*log.Checkpoint, error) {
	verifier, err := note.NewVerifier(asked.Vkey)
	if err != nil {
		return nil, err
	}
	checkpoint, _, _, err := log.ParseCheckpoint([]byte(text), asked.Origin, verifier)
	return checkpoint, err
}

// verifyStream builds the tree of the lines anew and compares it with the checkpoint.
func verifyStream(asked question) (answer, error) {
	checkpoint, err := openCheckpoint(asked, asked.Note)
	if err != nil {
		return answer{}, err
	}
	factory := compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}
	tree := factory.NewEmptyRange(0)
	lines := bytes.SplitAfter(asked.Stream, []byte("\n"))
	for _, line := range lines {
		if tree.End() == checkpoint.Size {
			break
		}
		bare, isWhole := bytes.CutSuffix(line, []byte("\n"))
		if !isWhole {
			return answer{}, errors.New("the stream is shorter than the checkpoint")
		}
		if err := tree.Append(rfc6962.DefaultHasher.HashLeaf(bare), nil); err != nil {
			return answer{}, err
		}
	}
	root, err := tree.GetRootHash(nil)
	if err != nil {
		return answer{}, err
	}
	if !bytes.Equal(root, checkpoint.Hash) {
		return answer{}, errors.New("the stream has another root")
	}
	return answer{Size: checkpoint.Size}, nil
}

func verifyProof(asked question) (answer, error) {
	var read proof.TLogProof
	if err := read.Unmarshal([]byte(asked.Proof)); err != nil {
		return answer{}, err
	}
	checkpoint, err := openCheckpoint(asked, string(read.Checkpoint))
	if err != nil {
		return answer{}, err
	}
	path := make([][]byte, len(read.Hashes))
	for i := range read.Hashes {
		path[i] = read.Hashes[i][:]
	}
	hasher := rfc6962.DefaultHasher
	leaf := hasher.HashLeaf(read.ExtraData)
	if err := mproof.VerifyInclusion(hasher, read.Index, checkpoint.Size, leaf, path, checkpoint.Hash); err != nil {
		return answer{}, err
	}
	return answer{Size: checkpoint.Size, Index: read.Index, Line: string(read.ExtraData)}, nil
}

func verifyConsistency(asked question) (answer, error) {
	earlier, err := openCheckpoint(asked, asked.Earlier)
	if err != nil {
		return answer{}, err
	}
	later, err := openCheckpoint(asked, asked.Note)
	if err != nil {
		return answer{}, err
	}
	err = mproof.VerifyConsistency(rfc6962.DefaultHasher, earlier.Size, later.Size, asked.Path, earlier.Hash, later.Hash)
	return answer{Size: later.Size}, err
}

// cosign is the other direction: a witness's cosignature with its time, for the ledger's own reader.
func cosign(asked question) (answer, error) {
	verifier, err := note.NewVerifier(asked.Vkey)
	if err != nil {
		return answer{}, err
	}
	opened, err := note.Open([]byte(asked.Note), note.VerifierList(verifier))
	if err != nil {
		return answer{}, err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "witness.example/peer")
	if err != nil {
		return answer{}, err
	}
	signer, err := fnote.NewSignerForCosignatureV1(skey)
	if err != nil {
		return answer{}, err
	}
	signed, err := note.Sign(opened, signer)
	if err != nil {
		return answer{}, err
	}
	cosigner, err := fnote.VKeyToCosignatureV1(vkey)
	return answer{Note: string(signed), Vkey: cosigner}, err
}
