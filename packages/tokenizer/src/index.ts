export type { Chat, ChatOptions, EncodedChat } from "./chat/chat.js";
export {
  type ChatMessage,
  type ChatTemplate,
  createChatTemplate,
  type RenderedChat,
  type RenderOptions,
  type Span,
} from "./chat/template.js";
export { loadTokenizer, saveTokenizer, tokenizerOf } from "./directory.js";
export type { Encoding } from "./encoding.js";
export { TokenizerError } from "./errors.js";
export { createTextStream, type TextStream } from "./text-stream.js";
export { createTokenizer, type Tokenizer, type TokenizerFiles } from "./tokenizer.js";
export { type TrainByteLevelBpeOptions, trainByteLevelBpe } from "./train/train-byte-level-bpe.js";
