// Package rationale explains assessments to learners: coach.Explainer, plainly
// (Plain) or worded by a language model behind an OpenAI-compatible endpoint
// (Endpoint).
//
// The model words claims that prompts.Choose has made; it is verified, not
// trusted. Each segment of its answer must cite claims and say no more than
// they do, and each of its clauses, read by itself, must be borne out by the
// labels (Verify). What breaks a rule is asked for once more, with the rule's
// name; where a strength or a fix is lost even so, or the endpoint is slow, down
// or talks nonsense, the plain wording of the same claims is used. So there is
// always an answer, and it never says what the labels don't bear out.
package rationale
